"""Plans: a payment that gives coins, features or both, and what takes them back."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing.features import FEATURES
from billing.flows import credits, entitlements
from billing.models import GRACE, Entitlement, Fulfilment, SubscriptionState

FIELDS = {"coins", "expires_days", "features", "days"}
MOST = 2_000_000_000
ENDED = (SubscriptionState.CANCELED, SubscriptionState.INCOMPLETE_EXPIRED)


def problems(entitlement: dict[str, Any]) -> list[str]:
    """Return what is wrong with a template.

    {"coins": 500, "expires_days": 365, "features": {"campaigns.active": 5}, "days": 30}: each may
    be left out; a feature's null is unlimited; `days` ends the features of what is bought once.
    """
    found = [f"it has an unknown field {name}" for name in sorted(set(entitlement) - FIELDS)]
    for name in ("coins", "expires_days", "days"):
        if name in entitlement and not _whole(entitlement[name], low=1):
            found.append(f"its {name} is not a whole number above 0")
    features = entitlement.get("features", {})
    if not isinstance(features, dict):
        return [*found, "its features are not an object"]
    for name, limit in features.items():
        if name not in FEATURES:
            found.append(f"nobody knows its feature {name}")
        if limit is not None and not _whole(limit, low=0):
            found.append(f"its limit of {name} is neither a whole number nor null")
    if not entitlement.get("coins") and not features:
        found.append("it gives nothing")
    return found


def _whole(value: Any, *, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= MOST


@transaction.atomic
def fulfil(fulfilment: Fulfilment) -> None:
    """Give the coins and the features of a payment; a trial or a change of plan gives no coins."""
    template = fulfilment.entitlement
    coins = template.get("coins", 0)
    if coins and (fulfilment.payment_id or not fulfilment.subscription_id):
        days = template.get("expires_days")
        credits.grant(
            fulfilment.order.account,
            coins * credits.COIN,
            ref=_ref(fulfilment),
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
    if fulfilment.subscription is not None:
        _give_period(fulfilment)
    elif template.get("features"):
        days = template.get("days")
        began = fulfilment.created_at
        _give(fulfilment, template, began, began + timedelta(days=days) if days else None)


def _ref(fulfilment: Fulfilment) -> str:
    return f"plan:{fulfilment.dedupe_key}"


def _source(fulfilment: Fulfilment) -> str:
    if fulfilment.subscription_id:
        return f"subscription:{fulfilment.subscription_id}"
    return f"order:{fulfilment.order_id}"


def _give_period(fulfilment: Fulfilment) -> None:
    """Give a period of a subscription, unless it has ended or a later period came first."""
    subscription = fulfilment.subscription
    assert subscription is not None
    began = min(fulfilment.period_start or timezone.now(), timezone.now())
    if subscription.state in ENDED or _later_than(fulfilment, began):
        return
    until = fulfilment.period_end + GRACE if fulfilment.period_end else None
    # The subscription's own price: the invoice of an earlier plan may arrive after the change.
    _give(fulfilment, subscription.price.entitlement, began, until)


def _later_than(fulfilment: Fulfilment, began: datetime) -> bool:
    """Whether a later period of the same subscription was given already."""
    return Entitlement.objects.filter(source=_source(fulfilment), valid_from__gt=began).exists()


def _give(
    fulfilment: Fulfilment, template: dict[str, Any], began: datetime, until: datetime | None
) -> None:
    entitlements.give(
        fulfilment.order.account,
        template.get("features", {}),
        source=_source(fulfilment),
        valid_from=began,
        valid_to=until,
    )


@transaction.atomic
def withdraw(fulfilment: Fulfilment) -> None:
    """Take back coins for the part that was paid back; end the features once it is all of it.

    A subscription that ended loses its features and keeps its coins: they were paid for.
    """
    delivered = fulfilment.undoes
    if delivered is None:
        return
    if fulfilment.cause == Fulfilment.Cause.LAPSE:
        subscription = fulfilment.subscription
        if subscription is None or not subscription.runs:  # it may have been paid again meanwhile
            entitlements.end(_source(delivered))
        return
    coins = delivered.entitlement.get("coins", 0) * credits.COIN
    if coins and fulfilment.whole:
        credits.take_back(_ref(delivered), coins * fulfilment.part // fulfilment.whole)
    began = delivered.period_start
    if fulfilment.is_total and not (began and _later_than(delivered, began)):
        entitlements.end(_source(delivered))
