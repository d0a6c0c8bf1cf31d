"""API keys: made, shown once, revoked."""

import secrets
import zlib
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from accounts.models import Account, ApiKey, User, digest_of

PREFIX_LENGTH = 20


def new_text() -> str:
    """Return a new key: `atelier_<live|test>_<id>_<secret>_<crc32>`.

    The fixed start and the checksum let secret scanners recognise a leaked key, as GitHub's do.
    """
    kind = "live" if settings.IS_PRODUCTION else "test"
    body = f"atelier_{kind}_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"
    return f"{body}_{zlib.crc32(body.encode()):08x}"


def issue(
    account: Account,
    *,
    name: str,
    author: User | None = None,
    email: str = "",
    plan: str = "",
    scopes: str = "prompts",
    daily_limit: int = 50,
    expires_at: datetime | None = None,
    text: str | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its text, which is stored nowhere."""
    text = text or new_text()
    key = ApiKey.objects.create(
        account=account,
        author=author,
        name=name,
        email=email,
        plan=plan,
        prefix=text[: min(PREFIX_LENGTH, max(4, len(text) // 2))],
        digest=digest_of(text),
        scopes=scopes,
        daily_limit=daily_limit,
        expires_at=expires_at,
    )
    return key, text


def revoke(key: ApiKey) -> None:
    """Refuse a key from now on. Revoking twice keeps the first time."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
