"""Quotas: units per key and day, charged by one statement that can never over-grant."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from accounts.models import ApiKey, Scope, digest_of
from billing.errors import KeyRefused, QuotaExhausted
from billing.models import UsageCounter

PROMPTS = Scope.PROMPTS.value  # the meter of the optimiser, and the scope a key needs for it

# The key is looked up inside the statement that counts. The first row of a day is guarded by the
# SELECT's condition, every later one by the condition of the update, which both databases evaluate
# on the locked row. Zero rows mean: refused, ask why. LIKE would take "Prompts" for "prompts" on
# SQLite only; `replace` compares letter by letter on both.
CHARGE = """
INSERT INTO billing_usagecounter AS counter (api_key_id, meter, period_start, used)
SELECT id, %(meter)s, %(day)s, %(units)s FROM accounts_apikey
WHERE digest = %(digest)s AND revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > %(now)s)
  AND replace(' ' || scopes || ' ', %(scope)s, '') <> ' ' || scopes || ' '
  AND daily_limit >= %(units)s
ON CONFLICT (api_key_id, meter, period_start) DO UPDATE SET used = counter.used + excluded.used
WHERE counter.used + excluded.used
  <= (SELECT daily_limit FROM accounts_apikey WHERE id = excluded.api_key_id)
RETURNING api_key_id, used,
  (SELECT daily_limit FROM accounts_apikey WHERE id = api_key_id),
  (SELECT account_id FROM accounts_apikey WHERE id = api_key_id)
"""


@dataclass(frozen=True)
class Charge:
    """A charge that was granted: what was taken, and where the key stands now."""

    key_id: int
    account_id: int
    meter: str
    day: date
    units: int
    used: int
    limit: int

    @property
    def remaining(self) -> int:
        """Units left today."""
        return max(self.limit - self.used, 0)

    def headers(self) -> dict[str, str]:
        """Return the quota as response headers (names of the IETF RateLimit draft's first form)."""
        return quota_headers(self.limit, self.remaining)


@dataclass(frozen=True)
class Standing:
    """A live key and what it has used today."""

    key: ApiKey
    used: int

    @property
    def remaining(self) -> int:
        """Units left today."""
        return max(self.key.daily_limit - self.used, 0)


def today() -> date:
    """Return the day quotas are counted on, in UTC."""
    return datetime.now(UTC).date()


def resets_at() -> datetime:
    """Return when today's units come back: midnight, UTC."""
    tomorrow = today() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=UTC)


def quota_headers(limit: int, remaining: int) -> dict[str, str]:
    """Return the headers that tell a client where it stands."""
    seconds = int((resets_at() - datetime.now(UTC)).total_seconds())
    return {
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(remaining),
        "RateLimit-Reset": str(max(seconds, 0)),
    }


def charge(key_text: str, units: int = 1, *, meter: str = PROMPTS, scope: str = PROMPTS) -> Charge:
    """Take `units` from the key's quota of today, or raise KeyRefused or QuotaExhausted.

    One statement when granted, one more query to say why when not. Parse the input first, and call
    `give_back` when what was paid for then fails.
    """
    if units < 1:
        raise ValueError("A charge needs at least one unit.")
    day = today()
    with connection.cursor() as cursor:
        cursor.execute(
            CHARGE,
            {
                "digest": digest_of(key_text),
                "meter": meter,
                "day": connection.ops.adapt_datefield_value(day),
                "units": units,
                "now": connection.ops.adapt_datetimefield_value(timezone.now()),
                "scope": f" {scope} ",
            },
        )
        row = cursor.fetchone()
    if row is None:
        raise _why_not(key_text, units, meter=meter, scope=scope)
    key_id, used, limit, account_id = row
    return Charge(key_id, account_id, meter, day, units, used, limit)


def give_back(granted: Charge) -> None:
    """Undo a charge whose work failed. Call it once per charge; it never goes below zero."""
    give_back_part(granted, granted.units)


def give_back_part(granted: Charge, units: int) -> Charge:
    """Return units that were not needed, and what remains charged."""
    if units < 1:
        return granted
    UsageCounter.objects.filter(
        api_key_id=granted.key_id,
        meter=granted.meter,
        period_start=granted.day,
        used__gte=units,
    ).update(used=F("used") - units)
    return replace(granted, units=granted.units - units, used=granted.used - units)


def standing(key_text: str, *, meter: str = PROMPTS, scope: str | None = PROMPTS) -> Standing:
    """Return a live key and its use today; without a `scope`, whatever the key is for.

    Raises KeyRefused.
    """
    key = ApiKey.objects.select_related("account").filter(digest=digest_of(key_text)).first()
    if key is None:
        raise _refusal("unknown")
    _check(key, scope)
    counter = UsageCounter.objects.filter(api_key=key, meter=meter, period_start=today()).first()
    return Standing(key, counter.used if counter else 0)


def with_use(keys: QuerySet[ApiKey], *, meter: str = PROMPTS) -> QuerySet[ApiKey]:
    """Add to each key what it used today, as `used_today` (None: nothing yet)."""
    counters = UsageCounter.objects.filter(
        api_key=OuterRef("pk"), meter=meter, period_start=today()
    ).values("used")
    return keys.annotate(used_today=Subquery(counters))


def _check(key: ApiKey, scope: str | None) -> None:
    if key.revoked_at is not None:
        raise _refusal("revoked")
    if not key.is_live:
        raise _refusal("expired")
    if scope is not None and scope not in key.scopes.split(" "):
        raise KeyRefused("key_scope", "This key is not made for that.", status=403)


REFUSALS = {
    "unknown": ("key_unknown", "We don't know this API key."),
    "revoked": ("key_revoked", "This API key was revoked."),
    "expired": ("key_expired", "This API key has expired."),
}


def _refusal(reason: str) -> KeyRefused:
    code, message = REFUSALS[reason]
    return KeyRefused(code, message, headers={"WWW-Authenticate": "Bearer"})


def _why_not(key_text: str, units: int, *, meter: str, scope: str) -> Exception:
    """Find out with one query why a charge took nothing."""
    keys = ApiKey.objects.filter(digest=digest_of(key_text))
    key = with_use(keys, meter=meter).first()
    if key is None:
        return _refusal("unknown")
    try:
        _check(key, scope)
    except KeyRefused as refused:
        return refused
    used = getattr(key, "used_today", None) or 0
    left = max(key.daily_limit - used, 0)
    headers = quota_headers(key.daily_limit, left)
    return QuotaExhausted(
        "quota_exhausted",
        f"This needs {units} of your units for today, and {left} are left. "
        "New ones come at midnight UTC."
        if left
        else "Your units for today are used up. New ones come at midnight UTC.",
        headers={**headers, "Retry-After": headers["RateLimit-Reset"]},
        limit=key.daily_limit,
        remaining=left,
    )
