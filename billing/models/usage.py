"""Tables of usage."""

from django.db import models
from django.db.models import Q

from accounts.models import Account, ApiKey


class UsageCounter(models.Model):
    """What a key used of a meter in one period. Written by `billing.flows.quotas` only."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="usage")
    meter = models.CharField(max_length=40, help_text="What is counted.")
    period_start = models.DateField(help_text="First day of the period (UTC).")
    used = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["api_key", "meter", "period_start"], name="billing_usage_once"
            ),
            models.CheckConstraint(condition=Q(used__gte=0), name="billing_usage_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.used} {self.meter} on {self.period_start}"


class AccountUsage(models.Model):
    """What an account used of a meter in one period. Written by `billing.flows.meters` only."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="usage")
    meter = models.CharField(max_length=60, help_text="As in billing.features.")
    period_start = models.DateField(help_text="First day of the period (UTC).")
    used = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "meter", "period_start"], name="billing_account_usage_once"
            ),
            models.CheckConstraint(
                condition=Q(used__gte=0), name="billing_account_usage_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.used} {self.meter} since {self.period_start}"
