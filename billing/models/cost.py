"""What outside services cost us."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from billing.models.catalogue import CURRENCY
from billing.models.order import Order


class Cost(models.Model):
    """One paid call to an outside service."""

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, null=True, blank=True, related_name="costs"
    )
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, null=True, blank=True, related_name="costs"
    )
    product = models.CharField(max_length=20, help_text="The area it was spent for.")
    provider = models.CharField(max_length=40)
    operation = models.CharField(max_length=80, blank=True, help_text="What was called.")
    units = models.DecimalField(max_digits=18, decimal_places=6, default=0)
    unit = models.CharField(max_length=20, blank=True, help_text="token, image, second, order …")
    amount_micro = models.BigIntegerField(
        help_text="Millionths of the currency: one cent is 10000."
    )
    currency = models.CharField(max_length=3, default="USD", validators=[CURRENCY])
    ref = models.CharField(max_length=160, unique=True, help_text="The call; counted once.")
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount_micro__gte=0), name="billing_cost_positive"),
        ]
        indexes = [models.Index(fields=["product", "at"], name="billing_cost_product")]

    def __str__(self) -> str:
        return f"{self.provider} {self.amount_micro / 1e6:.6f} {self.currency}"
