"""What the nightly and hourly comparison with the providers found."""

from django.db import models
from django.utils import timezone


class ReconciliationRun(models.Model):
    """One comparison of a provider's books with ours."""

    gateway = models.CharField(max_length=20)
    since = models.DateTimeField()
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    seen = models.PositiveIntegerField(default=0)
    repaired = models.PositiveIntegerField(default=0)
    left_open = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.gateway} {self.started_at:%Y-%m-%d %H:%M}"


class DifferenceQuerySet(models.QuerySet["Difference"]):
    """Which differences."""

    def needing_attention(self) -> "DifferenceQuerySet":
        """Differences a person must decide."""
        return self.filter(state=Difference.State.OPEN)


class Difference(models.Model):
    """Something the provider's books and ours do not agree on."""

    class Kind(models.TextChoices):
        NOT_CREDITED = "not_credited", "Paid, not credited"
        NOT_PAID = "not_paid", "Credited, not paid"
        AMOUNT = "amount", "Amount or currency differs"
        UNKNOWN = "unknown", "Money we cannot place"
        DOUBLE = "double", "Paid twice"
        STUCK = "stuck", "Paid, not delivered"
        LEDGER = "ledger", "The ledger does not add up"

    class State(models.TextChoices):
        OPEN = "open", "To decide"
        REPAIRED = "repaired", "Repaired by itself"
        SETTLED = "settled", "Settled by staff"

    gateway = models.CharField(max_length=20, blank=True)
    kind = models.CharField(max_length=14, choices=Kind.choices)
    ref = models.CharField(max_length=255, help_text="What it is about.")
    expected = models.CharField(max_length=300, blank=True)
    actual = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    resolution = models.CharField(max_length=300, blank=True)
    run = models.ForeignKey(
        ReconciliationRun,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="differences",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = DifferenceQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["gateway", "kind", "ref"], name="billing_difference_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.ref}"
