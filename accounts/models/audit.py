"""What staff did: who, to what, from what to what, and why."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class AuditEntry(models.Model):
    """One act of a member of staff, written in the transaction of the act itself."""

    at = models.DateTimeField(default=timezone.now, editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    action = models.CharField(max_length=60, help_text="The flow, billing.refund say.")
    model = models.CharField(max_length=80, help_text="What kind of thing it was done to.")
    object_id = models.CharField(max_length=40)
    label = models.CharField(max_length=200, help_text="What the thing was called.")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["model", "object_id"], name="accounts_audit_object")]

    def __str__(self) -> str:
        return f"{self.action} {self.label}"
