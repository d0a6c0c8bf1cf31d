"""What an account may do, from when to when, and why."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Account, OwnedQuerySet


class EntitlementQuerySet(OwnedQuerySet):
    """Which entitlements."""

    def valid(self) -> Self:
        """Entitlements that count now."""
        now = timezone.now()
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=now), valid_from__lte=now)


class Entitlement(models.Model):
    """One feature and its limit for an account. Several sources may give the same feature."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="entitlements")
    feature = models.CharField(max_length=60, help_text="As in billing.features.")
    limit = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: unlimited.")
    source = models.CharField(max_length=120, help_text="What gives it, subscription:12 say.")
    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField(null=True, blank=True, help_text="Empty: until taken back.")

    objects = EntitlementQuerySet.as_manager()

    class Meta:
        ordering = ["account", "feature"]
        constraints = [
            models.UniqueConstraint(fields=["source", "feature"], name="billing_entitlement_once"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="billing_entitlement_range",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "feature"], name="billing_entitlement_find"),
        ]

    def __str__(self) -> str:
        return f"{self.feature}: {'unlimited' if self.limit is None else self.limit}"
