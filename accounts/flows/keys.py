"""API keys: made, shown once, revoked."""

import secrets
import zlib
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.errors import AccountsError
from accounts.models import Account, ApiKey, Scope, User, digest_of, normal_scopes

PREFIX_LENGTH = 20
FREE_DAILY_LIMIT = 50
MOST_FREE_KEYS = 5


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
    scopes: str = Scope.PROMPTS,
    daily_limit: int = 50,
    expires_at: datetime | None = None,
    text: str | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its text, which is stored nowhere.

    A `text` of somebody's own choice may be short, so it shows nothing of itself: the start of the
    key's name stands in its place. Raises ValidationError for unknown `scopes`.
    """
    prefix = name if text else ""
    text = text or new_text()
    key = ApiKey.objects.create(
        account=account,
        author=author,
        name=name,
        email=email,
        plan=plan,
        prefix=(prefix or text)[:PREFIX_LENGTH],
        digest=digest_of(text),
        scopes=normal_scopes(scopes),
        daily_limit=daily_limit,
        expires_at=expires_at,
    )
    return key, text


def issue_free(account: Account, *, name: str, author: User) -> tuple[ApiKey, str]:
    """Make a key of the free plan. Raises AccountsError when the account has too many keys."""
    with transaction.atomic():
        # The lock keeps two calls at the same time from both being the last one allowed.
        locked = Account.objects.select_for_update().get(pk=account.pk)
        # Keys revoked today count too: a fresh key must not be a way to a fresh quota.
        recent = Q(created_at__gt=timezone.now() - timedelta(days=1))
        live = Q(pk__in=ApiKey.objects.live().values("pk"))
        if ApiKey.objects.filter(live | recent, account=locked).count() >= MOST_FREE_KEYS:
            raise AccountsError(
                "too_many_keys",
                f"You can have {MOST_FREE_KEYS} keys, and a revoked one counts for a day. "
                "Revoke one you no longer use.",
            )
        return issue(
            locked,
            name=name,
            author=author,
            email=author.email,
            plan="free",
            daily_limit=FREE_DAILY_LIMIT,
        )


def revoke(key: ApiKey) -> None:
    """Refuse a key from now on. Revoking twice keeps the first time."""
    ApiKey.objects.filter(pk=key.pk).revoke()


def revoke_all(chosen: QuerySet[ApiKey]) -> int:
    """Refuse the chosen keys from now on; return how many were live until now."""
    # By their ids: a list in the admin comes joined and ordered, and an UPDATE wants neither.
    return ApiKey.objects.filter(pk__in=chosen.order_by().values("pk")).revoke()


def revoke_left_behind(user: User) -> int:
    """Refuse the keys of accounts that no other active person owns; return how many."""
    return ApiKey.objects.filter(account__in=Account.objects.owned_only_by(user)).revoke()
