"""A paid API key: what was bought, and the key once somebody claimed it."""

from typing import Any

from django.db import models
from django.utils import timezone

from accounts.models import Account, ApiKey, OwnedQuerySet
from billing.models.order import Order


class KeyPlan(models.Model):
    """A plan for one API key. The key is made, and shown, when its link is opened."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="key_plans")
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="key_plan")
    api_key = models.OneToOneField(
        ApiKey, on_delete=models.SET_NULL, null=True, blank=True, related_name="plan_bought"
    )
    plan = models.CharField(max_length=40)
    daily_limit = models.PositiveIntegerField()
    expires_at = models.DateTimeField()
    email = models.EmailField(max_length=254)
    claim_digest = models.CharField(
        max_length=64, unique=True, editable=False, help_text="Of the link's token."
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.plan} for {self.email}"

    @property
    def is_claimable(self) -> bool:
        """Whether the link still shows a key."""
        over: Any = self.claimed_at or self.withdrawn_at
        return over is None and self.expires_at > timezone.now()
