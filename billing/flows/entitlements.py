"""Entitlements: what an account may do now. Several sources may give the same; the best counts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.models import Account
from billing.models import Entitlement

NONE: Final = 0  # unlimited is None, as everywhere


def limit_of(account: Account, feature: str) -> int | None:
    """Return how much of a feature the account has: None is unlimited, 0 nothing."""
    limits = list(
        Entitlement.objects.valid()
        .filter(account=account, feature=feature)
        .values_list("limit", flat=True)
    )
    return _best(limits)


def all_of(account: Account) -> dict[str, int | None]:
    """Return every feature the account has now, with its limit (None: unlimited)."""
    found: dict[str, list[int | None]] = {}
    for feature, limit in (
        Entitlement.objects.valid()
        .filter(account=account)
        .order_by("feature")
        .values_list("feature", "limit")
    ):
        found.setdefault(feature, []).append(limit)
    return {feature: _best(limits) for feature, limits in found.items()}


def _best(limits: list[int | None]) -> int | None:
    if None in limits:
        return None
    return max((limit for limit in limits if limit is not None), default=NONE)


def give(
    account: Account,
    features: Mapping[str, int | None],
    *,
    source: str,
    valid_from: datetime,
    valid_to: datetime | None,
) -> None:
    """Give features from one source; what it gave before and is not among them ends now."""
    rows = [
        Entitlement(
            account=account,
            feature=feature,
            limit=limit,
            source=source,
            valid_from=valid_from,
            valid_to=valid_to,
        )
        for feature, limit in features.items()
    ]
    with transaction.atomic():
        _end(source, timezone.now(), keep=set(features))
        Entitlement.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["source", "feature"],
            update_fields=["account", "limit", "valid_from", "valid_to"],
        )


def end(source: str, *, at: datetime | None = None) -> None:
    """End what a source gives, now or `at` a time. What ends earlier stays as it is."""
    _end(source, at or timezone.now(), keep=set())


def _end(source: str, at: datetime, *, keep: set[str]) -> None:
    rows = Entitlement.objects.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=at), source=source)
    rows.exclude(feature__in=keep).update(valid_to=Greatest(F("valid_from"), at))
