"""Keys that programs call the API with. Only a digest is stored."""

import hashlib
from typing import Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.account import Account, OwnedQuerySet


def digest_of(key: str) -> str:
    """Return the SHA-256 of a key in hexadecimal; our keys are random, so no slow hash."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


class Scope(models.TextChoices):
    """What a key may do."""

    PROMPTS = "prompts", "Prompts: make prompts"
    STAFF = "staff", "Staff: see and change what staff may"


MOST_UNITS = 1_000_000  # a day; more is a slip of the hand


def normal_scopes(text: str) -> str:
    """Return scopes in lower case, each once, with single spaces.

    Raises ValidationError where one is unknown or none is left.
    """
    words = text.lower().split()
    unknown = [word for word in words if word not in Scope.values]
    if unknown or not words:
        raise ValidationError(
            "Choose from these: %(choices)s.", params={"choices": ", ".join(Scope.values)}
        )
    return " ".join(scope for scope in Scope.values if scope in words)


def known_scopes(text: str) -> None:
    """Validate the scopes of a key. Raises ValidationError."""
    normal_scopes(text)


class ApiKeyQuerySet(OwnedQuerySet):
    """Which keys."""

    def live(self) -> Self:
        """Keys that are neither revoked nor expired."""
        now = timezone.now()
        return self.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=now), revoked_at__isnull=True
        )

    def revoke(self) -> int:
        """Refuse these keys from now on; return how many. Those revoked before keep their time."""
        return self.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())


class ApiKey(models.Model):
    """A key of an account. Its text is shown once, when it is made."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="api_keys")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    name = models.CharField(
        max_length=80, help_text="Where the key is used, so that you know it again."
    )
    email = models.EmailField(
        max_length=254, blank=True, help_text="Whom we write to about this key."
    )
    plan = models.CharField(max_length=40, blank=True, help_text="The plan the key came with.")
    prefix = models.CharField(
        max_length=24, editable=False, help_text="The visible start of the key."
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.CharField(
        max_length=200,
        default="prompts",
        validators=[known_scopes],
        help_text="What the key may do, separated by spaces: prompts, staff.",
    )
    daily_limit = models.PositiveIntegerField(
        default=50,
        validators=[MaxValueValidator(MOST_UNITS)],
        help_text="Units per day (UTC). Applies from the next call.",
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="Set: the key is refused.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"

    def clean(self) -> None:
        """Write the scopes the one way that the charge looks for them."""
        super().clean()
        self.scopes = normal_scopes(self.scopes)

    @property
    def may_staff(self) -> bool:
        """Whether the key may do what staff may."""
        return Scope.STAFF in self.scopes.split(" ")

    @property
    def is_live(self) -> bool:
        """Whether a call with this key is let in."""
        unexpired = self.expires_at is None or self.expires_at > timezone.now()
        return self.revoked_at is None and unexpired
