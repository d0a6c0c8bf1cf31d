"""The mail outbox: every mail is a row before it is sent."""

from datetime import timedelta
from typing import Any, ClassVar, Self

import orjson
from django.db import models
from django.db.models import F
from django.utils import timezone

from accounts.models.account import Account
from common.fields import EncryptedTextField
from common.jobs import Job, JobQuerySet, JobState


class OutgoingMailQuerySet(JobQuerySet):
    """Which mails."""

    def free(self) -> Self:
        """Never one that a silent worker was handing over: it may have left already."""
        return super().free().exclude(state=JobState.RUNNING, handed_over_at__isnull=False)

    def claim(self, pk: Any) -> Any:
        """Take a mail as any job; its sealed part is read later, where a failure has words."""
        return super(OutgoingMailQuerySet, self.defer("sealed")).claim(pk)

    def replaceable(self) -> Self:
        """Mails with a secret that are over, and not replaced by a new one yet."""
        over = (JobState.FAILED, JobState.UNSURE, JobState.SUCCEEDED)
        return self.filter(carries_secret=True, state__in=over)

    def release_silent(self) -> int:
        """A mail whose worker fell silent while handing it over may have left: a person decides.

        A secret is kept no longer than somebody may still send it.
        """
        doubtful = self.silent().filter(handed_over_at__isnull=False)
        unsure = doubtful.update(
            state=JobState.UNSURE,
            lease_token=None,
            sealed="",
            error="The worker stopped while sending. The mail may or may not have left.",
            finished_at=timezone.now(),
        )
        # Not those whose lease ran out since the statement above.
        untouched = self.filter(handed_over_at__isnull=True)
        untouched.silent().filter(attempts__gte=F("max_attempts")).update(sealed="")
        return unsure + super(OutgoingMailQuerySet, untouched).release_silent()


class OutgoingMail(Job):
    """One mail to one or more people, with everything needed to send it.

    A mail that carries a secret (a link that signs someone in, say) keeps its body in `sealed`,
    encrypted, is never shown, and is emptied as soon as it was sent or nobody will send it.
    """

    task: ClassVar[str] = "accounts.flows.mail.deliver"
    lease: ClassVar[timedelta] = timedelta(minutes=2)
    # "3 attempts, delays 2, 10, 60 minutes": the first try at once, then three more, each counted
    # from the one before.
    retry_delays: ClassVar[tuple[timedelta, ...]] = (
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(minutes=60),
    )

    account = models.ForeignKey(
        Account, on_delete=models.SET_NULL, null=True, blank=True, related_name="mails"
    )
    template = models.CharField(max_length=100, blank=True, help_text="Which message this is.")
    to_email = models.CharField(max_length=254, help_text="First recipient.")
    subject = models.CharField(max_length=998)
    carries_secret = models.BooleanField(default=False)
    content = models.JSONField(
        default=dict,
        help_text="from_email, to, cc, bcc, reply_to, headers, text, html, attachments.",
    )
    sealed = EncryptedTextField(blank=True, editable=False)
    handed_over_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When the last try began to talk to the provider.",
    )
    message_id = models.CharField(max_length=200, blank=True, help_text="The provider's id.")

    objects = OutgoingMailQuerySet.as_manager()  # type: ignore[misc]

    class Meta(Job.Meta):
        abstract = False
        verbose_name = "mail"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.subject} → {self.to_email}"

    @staticmethod
    def kept(content: dict[str, Any], *, carries_secret: bool) -> dict[str, Any]:
        """Return the columns that hold what a mail says: in clear, or sealed where it must be."""
        if carries_secret:
            return {"content": {}, "sealed": orjson.dumps(content).decode()}
        return {"content": content, "sealed": ""}

    def get_content(self) -> dict[str, Any]:
        """Return what the mail says; empty once a secret mail was sent."""
        if not self.carries_secret:
            return dict(self.content)
        return dict(orjson.loads(self.sealed)) if self.sealed else {}


class MailAttempt(models.Model):
    """One try to send a mail, and what came of it."""

    mail = models.ForeignKey(OutgoingMail, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=10, help_text="sent, refused, retry or unknown.")
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"Try {self.number}: {self.outcome}"
