"""Coins: a wallet per account, an append-only ledger, grants that may expire, and holds.

All amounts are whole hundredths of a coin: 150 is 1.50. `Wallet.balance` is what can be spent; a
hold has left it already.
"""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Account
from billing.models.moving import Moving


class Wallet(models.Model):
    """The coins of an account. Written by `billing.flows.credits` only."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="wallet")
    balance = models.BigIntegerField(default=0, help_text="Hundredths that can be spent.")
    debt = models.BigIntegerField(
        default=0,
        help_text="Hundredths that were spent and then refunded; the next grant pays them first, "
        "and until then nothing can be spent.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(balance__gte=0), name="billing_balance_not_negative"
            ),
            models.CheckConstraint(condition=Q(debt__gte=0), name="billing_debt_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.balance / 100:.2f} of {self.account}"


class GrantQuerySet(models.QuerySet["Grant"]):
    """Which grants."""

    def spendable(self) -> Self:
        """Grants with something left that have not expired, in the order they are spent."""
        return self.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()), remaining__gt=0
        ).order_by(F("expires_at").asc(nulls_last=True), "pk")

    def overdue(self) -> Self:
        """Grants whose time is over while something is left."""
        return self.filter(expires_at__lte=timezone.now(), remaining__gt=0)


class Grant(models.Model):
    """Coins given at one time for one reason; they are spent, expire or are taken back."""

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="grants")
    ref = models.CharField(max_length=120, unique=True, help_text="What it was given for.")
    amount = models.BigIntegerField(help_text="Hundredths given.")
    remaining = models.BigIntegerField(help_text="Hundredths neither spent nor held.")
    withdrawn = models.BigIntegerField(
        default=0, help_text="Hundredths taken back so far, owed ones included."
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="billing_grant_positive"),
            models.CheckConstraint(
                condition=Q(remaining__gte=0, remaining__lte=F("amount")),
                name="billing_grant_remaining",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn__gte=0, withdrawn__lte=F("amount")),
                name="billing_grant_withdrawn",
            ),
        ]
        indexes = [
            models.Index(
                fields=["wallet", "expires_at"],
                condition=Q(remaining__gt=0),
                name="billing_grant_left",
            ),
            models.Index(
                fields=["expires_at"], condition=Q(remaining__gt=0), name="billing_grant_overdue"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount / 100:.2f} for {self.ref}"


class HoldState(models.TextChoices):
    """Where a hold stands."""

    OPEN = "open", "Held"
    CAPTURED = "captured", "Spent"
    RELEASED = "released", "Given back"


class Hold(Moving):
    """Coins set aside for work that is under way. They left the balance when it began."""

    moves: ClassVar[str] = "hold"
    State: ClassVar = HoldState

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="holds")
    ref = models.CharField(max_length=120, unique=True, help_text="The work it is for.")
    amount = models.BigIntegerField(help_text="Hundredths set aside.")
    captured = models.BigIntegerField(default=0, help_text="Hundredths spent in the end.")
    state = models.CharField(max_length=8, choices=HoldState.choices, default=HoldState.OPEN)
    expires_at = models.DateTimeField(help_text="Given back by itself after this time.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="billing_hold_positive"),
            models.CheckConstraint(
                condition=Q(captured__gte=0, captured__lte=F("amount")),
                name="billing_hold_captured",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(state="open"), name="billing_hold_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount / 100:.2f} held for {self.ref}"


class HoldPart(models.Model):
    """Which grant a hold took how much from, so that a release gives it back there."""

    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="parts")
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="parts")
    amount = models.BigIntegerField()
    returned = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hold", "grant"], name="billing_hold_part_once"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, returned__gte=0, returned__lte=F("amount")),
                name="billing_hold_part_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of grant {self.grant_id}"


class LedgerEntry(models.Model):
    """One change of a wallet. Never changed, never deleted: database triggers see to it.

    No text of people and no foreign key to them: it outlives whoever asks to be forgotten.
    """

    class Kind(models.TextChoices):
        GRANT = "grant", "Coins added"
        HOLD = "hold", "Set aside"
        SPEND = "spend", "Spent"
        RELEASE = "release", "Given back"
        EXPIRE = "expire", "Expired"
        TAKE_BACK = "take_back", "Taken back"
        PAY_DEBT = "pay_debt", "Debt paid"
        ADJUST = "adjust", "Correction"

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=9, choices=Kind.choices)
    ref = models.CharField(max_length=160, unique=True)
    amount = models.BigIntegerField(help_text="Change of the balance in hundredths.")
    balance_after = models.BigIntegerField()
    debt_change = models.BigIntegerField(default=0)
    debt_after = models.BigIntegerField(default=0)
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "ledger entries"
        constraints = [
            models.CheckConstraint(
                condition=~Q(amount=0, debt_change=0), name="billing_entry_changes_something"
            ),
            models.CheckConstraint(
                condition=Q(balance_after__gte=0, debt_after__gte=0),
                name="billing_entry_not_negative",
            ),
        ]
        indexes = [models.Index(fields=["wallet", "-id"], name="billing_entry_history")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount / 100:+.2f}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new entry; an old one stays as it is."""
        if not self._state.adding:
            raise TypeError("Ledger entries are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse: history is not deleted."""
        raise TypeError("Ledger entries are never deleted.")


class Adjustment(models.Model):
    """Why a member of staff corrected a wallet. The ledger entry is `adjust:<id>`."""

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="adjustments")
    amount = models.BigIntegerField(help_text="Hundredths; negative takes away.")
    reason = models.CharField(max_length=300)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(amount=0) & ~Q(reason=""), name="billing_adjustment_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount / 100:+.2f}: {self.reason}"
