"""The books of the test payments: what a provider would keep. Development and tests only."""

from django.db import models
from django.utils import timezone


class SandboxObject(models.Model):
    """One object of the test provider: a checkout, payment, subscription, invoice, refund …"""

    kind = models.CharField(max_length=12)
    ref = models.CharField(max_length=60, unique=True)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.ref
