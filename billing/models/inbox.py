"""Events from payment providers: stored first, worked on later."""

from datetime import timedelta
from typing import ClassVar

from django.db import models

from common.jobs import Job


class InboxEvent(Job):
    """One signed event, as it came. `dedupe_key` is `<gateway>:<event id>`: a repeat is no row."""

    task: ClassVar[str] = "billing.flows.inbox.work"
    lease: ClassVar[timedelta] = timedelta(minutes=2)
    retry_delays: ClassVar[tuple[timedelta, ...]] = (
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=6),
        timedelta(hours=12),
    )
    TRIES: ClassVar[int] = 10  # over about three days

    gateway = models.CharField(max_length=20)
    event_id = models.CharField(max_length=255)
    type = models.CharField(max_length=100)
    about = models.CharField(max_length=255, blank=True, help_text="The provider's object.")
    body = models.TextField(blank=True, help_text="As received; emptied after 90 days.")
    outcome = models.CharField(max_length=200, blank=True, help_text="What it changed.")
    mirrored_at = models.DateTimeField(
        null=True, blank=True, help_text="When the provider's own data were copied for reading."
    )

    class Meta(Job.Meta):
        abstract = False
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["gateway", "event_id"], name="billing_event_once"),
        ]

    def __str__(self) -> str:
        return f"{self.type} ({self.event_id})"
