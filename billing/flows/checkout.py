"""Checkout: somebody chooses an offer, an order is made, the provider's page takes the money."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from celery import shared_task
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, User, normal_address
from billing import gateways
from billing.errors import BillingError
from billing.flows import events, tax
from billing.gateways.contract import Gateway, Kind, NotFound, Started
from billing.models import GatewayPrice, Offer, Order, OrderState, Subscription
from billing.models.order import OrderQuerySet
from common import faults
from common.http import ServiceError

log = structlog.get_logger(__name__)

DRAFT_FOR = timedelta(hours=24)
AGAIN = (OrderState.OPEN, OrderState.EXPIRED, OrderState.CANCELLED, OrderState.FAILED)
TAKEN = "Somebody else is buying this, or has bought it."


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
    offer: Offer,
    *,
    account: Account | None,
    country: str,
    email: str = "",
    extra: Sequence[tax.Line] = (),
) -> tax.Quote:
    """Return what an offer costs this buyer, its free trial included where there is one left."""
    days = offer.trial_days
    if days and had_trial(account, offer.family, email=email):
        days = 0
    return tax.quote(offer, country=country, extra=extra, trial_days=days)


def had_trial(account: Account | None, family: str, *, email: str = "") -> bool:
    """Whether the account, or whoever has this address, had a subscription of this family before.

    By address too: what a guest bought may belong to another account by now.
    """
    who = Q(account=account) if account else Q(pk__in=())
    known = {normal_address(email), account.email if account else ""} - {""}
    if known:
        who |= Q(order__buyer__email__in=known)
        who |= Q(account__email__in=known) | Q(account__memberships__user__email__in=known)
    return (
        Subscription.objects.filter(who, family=family)
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

    `buyer` has email and country, perhaps name and address. Where there is a free trial, other
    unpaid orders of it are given up. Raises BillingError: `not_for_sale`, `subscribed` (the account
    has a live plan of this family), `taken` (an exclusive target), `key_reused`, `tax_unknown`,
    `trial_open` (another order of the trial is on its way), `provider_down`.
    """
    known = Order.objects.filter(account=account, idempotency_key=idempotency_key).first()
    if known is not None:
        return _same(known, offer, target)
    _check_sale(offer)
    buyer = {**buyer, "email": normal_address(str(buyer.get("email", "")))}
    if offer.trial_days:
        _close_trials(account, offer.family)
    _check_plan(offer, account)
    country = str(buyer.get("country", ""))
    asked = quote(offer, account=account, country=country, email=buyer["email"], extra=extra)
    try:
        with transaction.atomic():
            if asked.trial_days:
                _only_trial(account, offer.family)
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
                buyer=buyer,
                idempotency_key=idempotency_key,
            )
    except IntegrityError:
        again = Order.objects.filter(account=account, idempotency_key=idempotency_key).first()
        if again is not None:  # sent twice at the same time
            return _same(again, offer, target)
        raise BillingError("taken", TAKEN) from None


def _same(order: Order, offer: Offer, target: str) -> Order:
    if order.offer_id != offer.pk or order.target != target:
        raise BillingError("key_reused", "This form was used for something else. Load it again.")
    return order


def _check_sale(offer: Offer) -> None:
    if not offer.published or offer.problems():
        raise BillingError("not_for_sale", "This is not for sale at the moment.")


def _check_plan(offer: Offer, account: Account) -> None:
    if not offer.recurring:
        return
    live = Subscription.objects.live().filter(account=account, family=offer.family).first()
    if live is None:
        return
    if account.kind == Account.Kind.GUEST and account.claimed_at is None:
        # Anybody may type an address in: they must not learn what its owner has.
        raise BillingError(
            "subscribed",
            "This can't be bought for that address as it stands. "
            "If it is yours, sign in: your plans page shows why.",
        )
    raise BillingError(
        "subscribed", f"You have {live.offer.name} already. Change it on your plans page."
    )


def _trials(account: Account, family: str, but: int | None) -> OrderQuerySet:
    """Return the other orders that may still begin a free trial of a family."""
    rows = Order.objects.awaiting_payment().filter(account=account, offer__family=family)
    rows = rows.filter(quote__trial_days__gt=0)
    return rows if but is None else rows.exclude(pk=but)


def _close_trials(account: Account, family: str, *, but: int | None = None) -> None:
    """Give up other orders of a trial: their pages would be good for a second one later."""
    for row in _trials(account, family, but).exclude(state=OrderState.PROCESSING):
        try:
            cancel(row)
        except BillingError as error:
            if error.code == "provider_down":
                raise  # else it was paid meanwhile, and what is asked next sees that


def _only_trial(account: Account, family: str, *, but: int | None = None) -> None:
    """Refuse a second order of a trial; nobody else passes before the transaction ends."""
    # No key: an order of this account that is being settled must not wait for us.
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if _trials(account, family, but).exists():
        raise BillingError("trial_open", "Another order of this is on its way. Look again soon.")


def _check_terms(order: Order) -> None:
    """Refuse what is not sold any more as it was ordered: price, tax or free trial."""
    offer = Offer.objects.select_related("price").get(pk=order.offer_id)
    _check_sale(offer)
    extra = [tax.Line(**line) for line in order.quote.get("lines", [])[1:]]
    asked = quote(
        offer,
        account=order.account,
        country=str(order.buyer.get("country", "")),
        email=str(order.buyer.get("email", "")),
        extra=extra,
    )
    now = (asked.price.pk, asked.net, asked.tax, asked.trial_days)
    if now != (order.price_id, order.net, order.tax, order.quote.get("trial_days", 0)):
        raise BillingError(
            "changed", "What this costs has changed since you ordered it. Order it once more."
        )


def start(order: Order) -> str:
    """Return the address of the payment page of an order that is not paid yet.

    Called again it returns the same page while that is open. Raises BillingError: `not_payable`,
    `not_for_sale`, `changed` (another price, tax or trial by now: order it again), `subscribed`,
    `taken`, `trial_open`, `payments_off`, `provider_down` (nothing was charged, try again).
    """
    now = timezone.now()
    if order.state == OrderState.OPEN and (
        order.checkout_expires_at is None or order.checkout_expires_at > now
    ):
        return order.checkout_url
    gateway = gateways.for_sale()
    page = settings.PUBLIC_BASE_URL + reverse("billing:order", args=[order.uuid])
    page = f"{page}?key={order.page_key}"
    order = _next_attempt(order)
    try:
        started = gateway.create(order, success_url=page, cancel_url=f"{page}&left=1")
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
    if not _open(order, gateway, started):  # two clicks at once: the other one opened the same page
        order.refresh_from_db()
        if order.state != OrderState.OPEN:
            raise BillingError("not_payable", "This order is paid already, or over.")
    return order.checkout_url


def _open(order: Order, gateway: Gateway, started: Started) -> bool:
    """Store the page of an order; close it again where the order lost its place meanwhile."""
    try:
        with transaction.atomic():
            if order.quote.get("trial_days"):
                _only_trial(order.account, order.offer.family, but=order.pk)
            return order.move(
                OrderState.OPEN,
                gateway=gateway.code,
                checkout_ref=started.ref,
                checkout_url=started.url,
                checkout_expires_at=started.expires_at or timezone.now() + timedelta(hours=24),
            )
    except (IntegrityError, BillingError) as error:
        try:
            gateway.cancel(Kind.CHECKOUT, started.ref)
        except (ServiceError, NotFound) as trouble:
            log.warning("checkout_not_closed", order=order.pk, error=str(trouble))
        if isinstance(error, BillingError):
            raise
        raise BillingError("taken", TAKEN) from None


def _next_attempt(order: Order) -> Order:
    """Prepare a try; after one that ended, close its page so that nobody can pay both.

    The order is a draft then: it holds its exclusive target before there is a page to pay at.
    """
    if order.state not in (*AGAIN, OrderState.DRAFT):
        raise BillingError("not_payable", "This order is paid already, or on its way.")
    _check_plan(order.offer, order.account)
    _check_terms(order)
    if order.quote.get("trial_days"):
        _close_trials(order.account, order.offer.family, but=order.pk)
    if order.state == OrderState.DRAFT:
        return order
    close(order)
    try:
        with transaction.atomic():
            moved = Order.objects.filter(
                pk=order.pk, attempt=order.attempt, state__in=AGAIN
            ).update(
                attempt=order.attempt + 1,
                state=OrderState.DRAFT,
                # What is still told about the old page is not about this try.
                checkout_ref=None,
                checkout_url="",
                checkout_expires_at=None,
            )
    except IntegrityError:
        raise BillingError("taken", TAKEN) from None
    order.refresh_from_db()
    if not moved and order.state not in (*AGAIN, OrderState.DRAFT):
        raise BillingError("not_payable", "This order is paid already, or on its way.")
    return order


@shared_task
def expire_drafts() -> int:
    """Give up orders that never got to a payment page, so that they hold nothing; return how many.

    Whoever comes back may still pay, if what they ordered is free.
    """
    old = Order.objects.filter(state=OrderState.DRAFT, created_at__lt=timezone.now() - DRAFT_FOR)
    return old.update(state=OrderState.EXPIRED)


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
    closed = order.checkout_ref
    close(order)
    order.move(OrderState.CANCELLED)
    order.refresh_from_db()
    if order.checkout_ref != closed:  # its page was made meanwhile
        close(order)
