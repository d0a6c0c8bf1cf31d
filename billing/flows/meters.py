"""Meters: what an account used of its plan, charged by one statement that can never over-grant."""

from dataclasses import dataclass, replace
from datetime import date

from django.db import connection
from django.db.models import F
from django.utils import timezone

from accounts.models import Account
from billing.errors import LimitReached
from billing.features import FEATURES, Period, period_start
from billing.flows import entitlements, quotas
from billing.models import AccountUsage

UNLIMITED = 2**62

# The plan is looked up inside the statement that counts. No valid entitlement: MAX is NULL, no
# comparison with it is true, and nothing is written. Zero rows mean: refused, ask why.
CHARGE = """
INSERT INTO billing_accountusage AS counter (account_id, meter, period_start, used)
SELECT %(account)s, %(meter)s, %(start)s, %(units)s
WHERE ({limit}) >= %(units)s
ON CONFLICT (account_id, meter, period_start) DO UPDATE SET used = counter.used + excluded.used
WHERE counter.used + excluded.used <= ({limit})
RETURNING used, ({limit})
""".format(
    limit="""
  SELECT MAX(COALESCE("limit", %(unlimited)s)) FROM billing_entitlement
  WHERE account_id = %(account)s AND feature = %(meter)s AND valid_from <= %(now)s
    AND (valid_to IS NULL OR valid_to > %(now)s)
"""
)


@dataclass(frozen=True)
class MeterCharge:
    """Units that were granted, and where the account stood then. Without a limit: unlimited."""

    account_id: int
    feature: str
    start: date
    units: int
    used: int
    limit: int | None

    @property
    def remaining(self) -> int | None:
        """Units left in this period; None: no limit."""
        return None if self.limit is None else max(self.limit - self.used, 0)


@dataclass(frozen=True)
class Standing:
    """What an account has of a feature and used in this period."""

    feature: str
    used: int
    limit: int | None

    @property
    def remaining(self) -> int | None:
        """Units left in this period; None: no limit."""
        return None if self.limit is None else max(self.limit - self.used, 0)


def charge(account_id: int, feature: str, units: int = 1) -> MeterCharge:
    """Take units of a feature from the account's plan, or raise LimitReached.

    One statement when granted. Call `give_back` when what they were for then fails. Raises KeyError
    for a feature nobody knows.
    """
    if units < 1:
        raise ValueError("A charge needs at least one unit.")
    start = period_start(feature, quotas.today())
    with connection.cursor() as cursor:
        cursor.execute(
            CHARGE,
            {
                "account": account_id,
                "meter": feature,
                "start": connection.ops.adapt_datefield_value(start),
                "units": units,
                "now": connection.ops.adapt_datetimefield_value(timezone.now()),
                "unlimited": UNLIMITED,
            },
        )
        row = cursor.fetchone()
    if row is None:
        raise _why_not(account_id, feature, units)
    used, limit = row
    known = None if limit == UNLIMITED else limit
    return MeterCharge(account_id, feature, start, units, used, known)


def give_back(charged: MeterCharge, units: int | None = None) -> MeterCharge:
    """Return units (all without) of a charge, once; what remains charged. Never below zero."""
    back = charged.units if units is None else min(units, charged.units)
    if back < 1:
        return charged
    _lower(charged.account_id, charged.feature, charged.start, back)
    return replace(charged, units=charged.units - back, used=max(charged.used - back, 0))


def free(account_id: int, feature: str, units: int = 1) -> None:
    """Return units of a ceiling when something ends, a campaign say. Call it once for each."""
    if FEATURES[feature].period != Period.ALWAYS:
        raise ValueError(f"{feature} starts again by itself.")
    _lower(account_id, feature, period_start(feature, quotas.today()), units)


def _lower(account_id: int, feature: str, start: date, units: int) -> None:
    AccountUsage.objects.filter(
        account_id=account_id, meter=feature, period_start=start, used__gte=units
    ).update(used=F("used") - units)


def standing(account: Account, feature: str) -> Standing:
    """Return what the account has of a feature and used in this period."""
    start = period_start(feature, quotas.today())
    used = (
        AccountUsage.objects.filter(account=account, meter=feature, period_start=start)
        .values_list("used", flat=True)
        .first()
    )
    return Standing(feature, used or 0, entitlements.limit_of(account, feature))


def _why_not(account_id: int, feature: str, units: int) -> LimitReached:
    """Say why a charge took nothing."""
    now = standing(Account(pk=account_id), feature)
    limit, left, name = now.limit or 0, now.remaining or 0, FEATURES[feature].name
    if not limit:
        words = f"Your plan does not include {name}."
    elif left:
        words = f"Your plan gives {limit} {name}. This needs {units}, and {left} are left."
    else:
        words = f"Your plan gives {limit} {name}, and all are used."
    return LimitReached("limit_reached", words, limit=limit, remaining=left)
