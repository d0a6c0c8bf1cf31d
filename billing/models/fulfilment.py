"""What a payment sets off, and what a refund, lost dispute or lapse takes back."""

from datetime import timedelta
from typing import ClassVar

from django.db import models

from billing.models.order import Order
from billing.models.payment import Payment
from billing.models.subscription import Subscription
from common.jobs import Job


class Fulfilment(Job):
    """One thing to deliver or to take back, exactly once. `dedupe_key` names its cause."""

    task: ClassVar[str] = "billing.flows.fulfilment.run"
    lease: ClassVar[timedelta] = timedelta(minutes=1)

    class Verb(models.TextChoices):
        FULFIL = "fulfil", "Deliver"
        WITHDRAW = "withdraw", "Take back"

    class Cause(models.TextChoices):
        PAYMENT = "payment", "Payment"
        REFUND = "refund", "Refund"
        DISPUTE = "dispute", "Lost dispute"
        LAPSE = "lapse", "Subscription ended"

    verb = models.CharField(max_length=8, choices=Verb.choices, default=Verb.FULFIL)
    cause = models.CharField(max_length=8, choices=Cause.choices, default=Cause.PAYMENT)
    handler = models.CharField(max_length=60, help_text="A name in FULFILMENT.")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fulfilments")
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="fulfilments"
    )
    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, null=True, blank=True, related_name="fulfilments"
    )
    undoes = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="undone_by",
        help_text="For taking back: what was delivered.",
    )
    entitlement = models.JSONField(default=dict, help_text="What was bought, as it was then.")
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    part = models.PositiveIntegerField(
        default=0, help_text="Taking back: minor units paid back so far, of `whole`."
    )
    whole = models.PositiveIntegerField(default=0, help_text="Minor units that were paid.")

    class Meta(Job.Meta):
        abstract = False
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.get_verb_display()} {self.handler} for {self.order}"

    @property
    def is_total(self) -> bool:
        """Whether all of it is taken back, not a part."""
        return self.part >= self.whole
