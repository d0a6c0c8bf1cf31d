"""Money that came in, went back, or is contested."""

import uuid
from datetime import timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing.models.catalogue import CURRENCY
from billing.models.moving import Moving
from billing.models.order import Order
from billing.models.subscription import Subscription
from common.jobs import Job


class PaymentState(models.TextChoices):
    """Where a payment stands."""

    CREATED = "created", "Begun"
    PROCESSING = "processing", "On its way"
    SUCCEEDED = "succeeded", "Received"
    FAILED = "failed", "Failed"


class Payment(Moving):
    """One payment of an order, or of one period of a subscription."""

    moves: ClassVar[str] = "payment"
    State: ClassVar = PaymentState

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments")
    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, null=True, blank=True, related_name="payments"
    )
    gateway = models.CharField(max_length=20)
    ref = models.CharField(
        max_length=255, help_text="The provider's id: a payment intent, or an invoice's payment."
    )
    invoice_ref = models.CharField(
        max_length=255, blank=True, help_text="The provider's invoice, for a subscription."
    )
    state = models.CharField(
        max_length=10, choices=PaymentState.choices, default=PaymentState.CREATED
    )
    amount = models.PositiveIntegerField(help_text="Minor units.")
    currency = models.CharField(max_length=3, validators=[CURRENCY])
    tax = models.PositiveIntegerField(default=0, help_text="Tax inside the amount.")
    refunded = models.PositiveIntegerField(
        default=0, help_text="Paid back or being paid back; never more than the amount."
    )
    failure = models.CharField(max_length=300, blank=True, help_text="Why it failed.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    succeeded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["gateway", "ref"], name="billing_payment_once"),
            models.CheckConstraint(
                condition=Q(refunded__lte=models.F("amount")), name="billing_refunds_within_payment"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount / 100:.2f} {self.currency} ({self.ref})"


class RefundState(models.TextChoices):
    """Where the money stands."""

    REQUESTED = "requested", "Asked for"
    PENDING = "pending", "On its way back"
    SUCCEEDED = "succeeded", "Paid back"
    FAILED = "failed", "Failed"


class Refund(Moving):
    """Money that goes back to the buyer."""

    moves: ClassVar[str] = "refund"
    State: ClassVar = RefundState

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    gateway = models.CharField(max_length=20)
    ref = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - NULL until known
    amount = models.PositiveIntegerField(help_text="Minor units.")
    state = models.CharField(
        max_length=10, choices=RefundState.choices, default=RefundState.REQUESTED
    )
    reason = models.CharField(max_length=300, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["gateway", "ref"], name="billing_refund_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="billing_refund_positive"),
        ]

    def __str__(self) -> str:
        return f"Refund of {self.amount / 100:.2f} {self.payment.currency}"


class RefundRequest(Job):
    """The work of asking the provider for a refund, with our key, so that it happens once."""

    task: ClassVar[str] = "billing.flows.refunds.ask"
    lease: ClassVar[timedelta] = timedelta(minutes=2)

    refund = models.OneToOneField(Refund, on_delete=models.PROTECT, related_name="request")

    class Meta(Job.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"Asking for refund {self.refund_id}"


class DisputeState(models.TextChoices):
    """Where a dispute stands."""

    OPEN = "open", "Answer needed"
    UNDER_REVIEW = "under_review", "With the bank"
    WON = "won", "Won"
    LOST = "lost", "Lost"


class DisputeQuerySet(models.QuerySet["Dispute"]):
    """Which disputes."""

    def needing_attention(self) -> Self:
        """Disputes that wait for our answer."""
        return self.filter(state=DisputeState.OPEN)


class Dispute(Moving):
    """A buyer contests a payment at their bank."""

    moves: ClassVar[str] = "dispute"
    State: ClassVar = DisputeState

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    gateway = models.CharField(max_length=20)
    ref = models.CharField(max_length=255)
    amount = models.PositiveIntegerField(help_text="Minor units.")
    state = models.CharField(max_length=12, choices=DisputeState.choices, default=DisputeState.OPEN)
    reason = models.CharField(max_length=80, blank=True)
    evidence_due = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = DisputeQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["gateway", "ref"], name="billing_dispute_once"),
        ]

    def __str__(self) -> str:
        return f"Dispute about {self.payment}"
