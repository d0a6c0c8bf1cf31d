"""What staff noted about a customer."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models.account import Account


class AccountNote(models.Model):
    """One note about an account, for staff only. Never changed: a later note says more."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    text = models.TextField(max_length=2000)
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-pk"]
        verbose_name = "note"

    def __str__(self) -> str:
        return f"Note about {self.account}"
