"""Subscriptions, as the provider sees them and as long as we let them run."""

from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account, OwnedQuerySet
from billing.models.catalogue import Offer, Price
from billing.models.order import Order

GRACE = timedelta(days=14)  # after a failed renewal the plan goes on this long
FIRST_GRACE = timedelta(days=3)  # and this long where nothing was ever paid, after a trial


class SubscriptionState(models.TextChoices):
    """The provider's own words."""

    INCOMPLETE = "incomplete", "Not paid yet"
    INCOMPLETE_EXPIRED = "incomplete_expired", "Never paid"
    TRIALING = "trialing", "Trial"
    ACTIVE = "active", "Active"
    PAST_DUE = "past_due", "Payment overdue"
    UNPAID = "unpaid", "Unpaid"
    PAUSED = "paused", "Paused"
    CANCELED = "canceled", "Ended"


LIVE = ("trialing", "active", "past_due")


class SubscriptionQuerySet(OwnedQuerySet):
    """Which subscriptions."""

    def live(self) -> Self:
        """Subscriptions an account has: another of the family can't be bought beside them."""
        return self.filter(state__in=LIVE, duplicate=False, to_end=False)

    def needing_attention(self) -> Self:
        """Subscriptions a person should look at: a second one of a family is paid for nothing."""
        return self.filter(Q(duplicate=True, state__in=LIVE) | Q(state__in=("past_due", "unpaid")))


class Subscription(models.Model):
    """One subscription of an account. Written by `billing.flows.subscriptions` only."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="subscriptions")
    order = models.OneToOneField(
        Order, on_delete=models.PROTECT, related_name="subscription", help_text="What began it."
    )
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="subscriptions")
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="subscriptions")
    family = models.CharField(max_length=40)
    gateway = models.CharField(max_length=20)
    ref = models.CharField(max_length=255, help_text="The provider's id.")
    state = models.CharField(max_length=20, choices=SubscriptionState.choices)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    trial_end = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    overdue_since = models.DateTimeField(
        null=True, blank=True, help_text="When a renewal first failed; empty once it is paid."
    )
    grace_until = models.DateTimeField(null=True, blank=True)
    reminders = models.PositiveSmallIntegerField(
        default=0, help_text="How many mails about the failed renewal are written."
    )
    duplicate = models.BooleanField(
        default=False, help_text="The account has another live one of this family: end it."
    )
    to_end = models.BooleanField(
        default=False, help_text="Over for us; the provider is asked to end it until it has."
    )
    asked_at = models.DateTimeField(
        default=timezone.now,
        editable=False,
        help_text="When the provider was asked for what is stored; older answers are dropped.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["gateway", "ref"], name="billing_subscription_once"),
            models.UniqueConstraint(
                fields=["account", "family"],
                condition=Q(state__in=LIVE, duplicate=False, to_end=False),
                name="billing_one_live_subscription_per_family",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.offer} for {self.account}"

    @property
    def runs(self) -> bool:
        """Whether the account gets what it subscribed to now."""
        if self.duplicate or self.to_end:
            return False
        if self.state == SubscriptionState.PAST_DUE:
            return self.grace_until is None or self.grace_until > timezone.now()
        return self.state in (SubscriptionState.TRIALING, SubscriptionState.ACTIVE)
