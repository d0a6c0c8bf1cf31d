"""Checkout: somebody chooses an offer, an order is made, the provider's page takes the money."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, User, normal_address
from billing import gateways
from billing.errors import BillingError
from billing.flows import events, tax
from billing.gateways.contract import Kind, NotFound
from billing.models import GatewayPrice, Offer, Order, OrderState, Subscription
from common import faults
from common.http import ServiceError

log = structlog.get_logger(__name__)


def offer_named(code: str) -> Offer:
    """Return a published offer. Raises BillingError `offer_unknown` (404)."""
    offer = Offer.objects.published().filter(code=code).first()
    if offer is None:
        raise BillingError("offer_unknown", "This is not for sale.", status=404)
    return offer


def offer_wanted(named: Mapping[str, Any]) -> Offer:
    """Return the offer a program asks for: by its code, a plan's name, or the provider's price id.

    Raises BillingError `offer_unknown`.
    """
    for name in ("price", "price_id"):
        if named.get(name):
            found = GatewayPrice.objects.filter(ref=str(named[name])).values("price__offer__code")
            row = found.first()
            return offer_named(row["price__offer__code"] if row else "")
    if named.get("plan") and not named.get("offer"):
        return offer_named(f"prompts-{named['plan']}")
    return offer_named(str(named.get("offer") or ""))


def quote(
    offer: Offer, *, account: Account | None, country: str, extra: Sequence[tax.Line] = ()
) -> tax.Quote:
    """Return what an offer costs this buyer, its free trial included where there is one left."""
    days = offer.trial_days
    if days and account is not None and had_trial(account, offer.family):
        days = 0
    return tax.quote(offer, country=country, extra=extra, trial_days=days)


def had_trial(account: Account, family: str) -> bool:
    """Whether an account had a subscription of this family before: the trial is for newcomers."""
    return (
        Subscription.objects.filter(account=account, family=family)
        .exclude(state__in=("incomplete", "incomplete_expired"))
        .exists()
    )


def place(
    offer: Offer,
    *,
    account: Account,
    buyer: dict[str, Any],
    idempotency_key: str,
    author: User | None = None,
    target: str = "",
    extra: Sequence[tax.Line] = (),
) -> Order:
    """Make an order; the same `idempotency_key` of the account returns the one made before.

    `buyer` has email and country, perhaps name and address. Raises BillingError: `not_for_sale`,
    `subscribed` (the account has a live plan of this family), `taken` (an exclusive target),
    `key_reused`, `tax_unknown`.
    """
    known = Order.objects.filter(account=account, idempotency_key=idempotency_key).first()
    if known is not None:
        return _same(known, offer, target)
    if not offer.published or offer.problems():
        raise BillingError("not_for_sale", "This is not for sale at the moment.")
    _check_plan(offer, account)
    asked = quote(offer, account=account, country=str(buyer.get("country", "")), extra=extra)
    try:
        with transaction.atomic():
            return Order.objects.create(
                account=account,
                author=author,
                offer=offer,
                price=asked.price,
                target=target,
                exclusive=offer.exclusive,
                currency=asked.price.currency,
                net=asked.net,
                tax=asked.tax,
                total=asked.total,
                quote=asked.as_json(),
                buyer={**buyer, "email": normal_address(str(buyer.get("email", "")))},
                idempotency_key=idempotency_key,
            )
    except IntegrityError:
        again = Order.objects.filter(account=account, idempotency_key=idempotency_key).first()
        if again is not None:  # sent twice at the same time
            return _same(again, offer, target)
        raise BillingError("taken", "Somebody else is buying this, or has bought it.") from None


def _same(order: Order, offer: Offer, target: str) -> Order:
    if order.offer_id != offer.pk or order.target != target:
        raise BillingError("key_reused", "This form was used for something else. Load it again.")
    return order


def _check_plan(offer: Offer, account: Account) -> None:
    if not offer.recurring:
        return
    live = Subscription.objects.live().filter(account=account, family=offer.family).first()
    if live is not None:
        raise BillingError(
            "subscribed",
            f"You have {live.offer.name} already. Change it on your plans page.",
        )


def start(order: Order) -> str:
    """Return the address of the payment page of an order that is not paid yet.

    Called again it returns the same page while that is open. Raises BillingError: `not_payable`,
    `payments_off`, `provider_down` (nothing was charged, try again).
    """
    now = timezone.now()
    if order.state == OrderState.OPEN and (
        order.checkout_expires_at is None or order.checkout_expires_at > now
    ):
        return order.checkout_url
    gateway = gateways.for_sale()
    page = settings.PUBLIC_BASE_URL + reverse("billing:order", args=[order.uuid])
    order = _next_attempt(order)
    try:
        started = gateway.create(order, success_url=page, cancel_url=f"{page}?left=1")
    except ServiceError as error:
        log.warning("checkout_not_started", order=order.pk, error=str(error))
        # Providers repeat a failure for as long as they keep our key: the next try has another.
        Order.objects.filter(pk=order.pk, attempt=order.attempt).update(attempt=F("attempt") + 1)
        raise BillingError(
            "provider_down",
            "The payment page can't be opened now. Nothing was charged. Try again in a minute.",
            status=503,
        ) from error
    faults.point("page_before_stored")
    moved = order.move(
        OrderState.OPEN,
        gateway=gateway.code,
        checkout_ref=started.ref,
        checkout_url=started.url,
        checkout_expires_at=started.expires_at or now + timedelta(hours=24),
    )
    if not moved:  # two clicks at once: the other one opened the same page
        order.refresh_from_db()
        if order.state != OrderState.OPEN:
            raise BillingError("not_payable", "This order is paid already, or over.")
    return order.checkout_url


def _next_attempt(order: Order) -> Order:
    """Prepare a try; after one that ended, close its page so that nobody can pay both."""
    if order.state == OrderState.DRAFT:
        return order
    again = (OrderState.OPEN, OrderState.EXPIRED, OrderState.CANCELLED, OrderState.FAILED)
    if order.state not in again:
        raise BillingError("not_payable", "This order is paid already, or on its way.")
    _check_plan(order.offer, order.account)
    close(order)
    moved = Order.objects.filter(pk=order.pk, attempt=order.attempt, state__in=again).update(
        attempt=order.attempt + 1, state=OrderState.CANCELLED
    )
    order.refresh_from_db()
    if not moved and order.state not in (*again, OrderState.DRAFT):
        raise BillingError("not_payable", "This order is paid already, or on its way.")
    return order


def close(order: Order) -> None:
    """Close the provider's page of an order, where it has one; a page that ended is fine.

    Raises BillingError `not_payable` where it was paid meanwhile, and `provider_down`.
    """
    if not order.checkout_ref:
        return
    try:
        gateways.by_code(order.gateway).cancel(Kind.CHECKOUT, order.checkout_ref)
    except NotFound:
        return
    except ServiceError as error:
        if error.kind != "refused":
            raise BillingError(
                "provider_down",
                "The payment provider does not answer. Try again in a minute.",
                status=503,
            ) from error
        events.apply(order.gateway, Kind.CHECKOUT, order.checkout_ref)
        raise BillingError("not_payable", "This order was paid meanwhile.") from error


def cancel(order: Order) -> None:
    """Give an unpaid order up: its page is closed and an exclusive thing is on sale again."""
    if order.state not in (OrderState.DRAFT, OrderState.OPEN):
        raise BillingError("not_cancellable", "This order is not open any more.")
    close(order)
    order.move(OrderState.CANCELLED)
