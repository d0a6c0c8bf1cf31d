"""What Stripe must know before somebody can pay: the customer, the price, the session.

Tax. A one-off is charged exactly `order.total`, tax and all, as one line. A subscription is charged
its price as it stands, so without Stripe Tax its price must include the tax. With Stripe Tax both
carry the price's tax behaviour, and Stripe adds or splits the tax.
"""

from typing import Any, Final, cast
from urllib.parse import urlsplit, urlunsplit

import stripe
from django.conf import settings

from billing.gateways.contract import NotFound, Started
from billing.gateways.stripe.connection import asking, client
from billing.gateways.stripe.read import moment
from billing.models import Customer, GatewayPrice, Offer, Order, Price
from common.http import ServiceError

CODE: Final = "stripe"


def start(order: Order, *, success_url: str, cancel_url: str) -> Started:
    """Make a hosted checkout for `order.attempt`, once. Raises ServiceError."""
    customer = customer_ref(order)
    params = _session(order, customer) | {
        "success_url": _with_session_id(success_url),
        "cancel_url": cancel_url,
    }
    key = {"idempotency_key": f"order:{order.uuid}:{order.attempt}"}
    try:
        with asking():
            session = client().v1.checkout.sessions.create(cast(Any, params), cast(Any, key))
    except ServiceError as error:
        if _is_missing(error, "customer"):
            # Deleted at Stripe. The next try makes a new one.
            Customer.objects.filter(gateway=CODE, ref=customer).delete()
            raise ServiceError("retry", "The customer is gone at Stripe.") from error
        raise
    return Started(session.id, session.url or "", moment(session.expires_at))


def _session(order: Order, customer: str) -> dict[str, Any]:
    """Everything here is the same at each try: the same key with other parameters is an error."""
    metadata = {"order": str(order.uuid)}
    params: dict[str, Any] = {
        "client_reference_id": str(order.uuid),
        "customer": customer,
        "metadata": metadata,
        "line_items": [{"quantity": 1, **_line(order)}],
    }
    if settings.STRIPE_TAX:
        params["automatic_tax"] = {"enabled": True}
        params["customer_update"] = {"address": "auto", "name": "auto"}
    if not order.offer.recurring:
        # The invoice is ours, so Stripe makes none.
        return params | {
            "mode": "payment",
            "invoice_creation": {"enabled": False},
            "payment_intent_data": {"metadata": metadata},
        }
    data: dict[str, Any] = {"metadata": metadata}
    if days := order.quote.get("trial_days"):
        data["trial_period_days"] = days
    return params | {"mode": "subscription", "subscription_data": data}


def _line(order: Order) -> dict[str, Any]:
    if order.offer.recurring:
        if order.tax and not order.price.includes_tax and not settings.STRIPE_TAX:
            raise ServiceError(
                "refused",
                "A subscription's price must include the tax, or Stripe Tax must be switched on.",
            )
        return {"price": ensure_price(order.price)}
    product = {"name": _name(order)}
    if settings.STRIPE_TAX and order.offer.tax_code:
        product["tax_code"] = order.offer.tax_code
    untaxed = settings.STRIPE_TAX and not order.price.includes_tax  # Stripe adds its own
    data: dict[str, Any] = {
        "currency": order.currency.lower(),
        "unit_amount": order.net if untaxed else order.total,
        "product_data": product,
    }
    if settings.STRIPE_TAX:
        data["tax_behavior"] = _tax_behavior(order.price)
    return {"price_data": data}


def _name(order: Order) -> str:
    return str(order.quote.get("name") or order.offer.name)[:250]


def _tax_behavior(price: Price) -> str:
    return "inclusive" if price.includes_tax else "exclusive"


def _with_session_id(url: str) -> str:
    """Add the placeholder that Stripe fills in; its braces must stay as they are."""
    parts = urlsplit(url)
    query = f"{parts.query}&" if parts.query else ""
    return urlunsplit(parts._replace(query=f"{query}session_id={{CHECKOUT_SESSION_ID}}"))


def customer_ref(order: Order) -> str:
    """Return the account's customer at Stripe, made where there is none yet."""
    known = Customer.objects.filter(gateway=CODE, account=order.account).first()
    if known is not None:
        return known.ref
    # With the account only: the same key must come with the same parameters from every order.
    made = {"metadata": {"account": str(order.account_id)}}
    key = {"idempotency_key": f"customer:{order.account_id}"}
    person = {name: order.buyer[name] for name in ("email", "name") if order.buyer.get(name)}
    with asking():
        customers = client().v1.customers
        ref = customers.create(cast(Any, made), cast(Any, key)).id
        if person:
            customers.update(ref, cast(Any, person))
    row, _ = Customer.objects.get_or_create(
        gateway=CODE, account=order.account, defaults={"ref": ref}
    )
    return row.ref


def ensure_price(price: Price) -> str:
    """Return Stripe's id of a price; find it by its lookup key, or make it with its product.

    May be repeated and raced. Raises ServiceError, also where Stripe has another amount under the
    same lookup key.
    """
    known = GatewayPrice.objects.filter(gateway=CODE, price=price).first()
    if known is not None:
        return known.ref
    found = _find_price(price)
    if found is None:
        _ensure_product(price.offer)
        found = _make_price(price)
    _check_price(price, found)
    row, _ = GatewayPrice.objects.get_or_create(
        gateway=CODE, price=price, defaults={"ref": found.id}
    )
    return row.ref


def _find_price(price: Price) -> stripe.Price | None:
    with asking():
        found = client().v1.prices.list({"lookup_keys": [price.lookup_key], "limit": 1})
    return found.data[0] if found.data else None


def _make_price(price: Price) -> stripe.Price:
    params: dict[str, Any] = {
        "product": _product_id(price.offer),
        "lookup_key": price.lookup_key,
        "unit_amount": price.amount,
        "currency": price.currency.lower(),
        "tax_behavior": _tax_behavior(price),
        "metadata": {"offer": price.offer.code, "version": str(price.version)},
    }
    if price.interval:
        params["recurring"] = {"interval": price.interval}
    key = {"idempotency_key": f"price:{price.lookup_key}:{price.amount}:{price.currency}"}
    try:
        with asking():
            return client().v1.prices.create(cast(Any, params), cast(Any, key))
    except ServiceError:
        # Somebody else may have been faster.
        found = _find_price(price)
        if found is None:
            raise
        return found


def _check_price(price: Price, found: stripe.Price) -> None:
    if not found.active:
        raise ServiceError("refused", f"The price {price.lookup_key} is switched off at Stripe.")
    interval = found.recurring.interval if found.recurring else ""
    there = (found.unit_amount, found.currency.upper(), interval)
    if there != (price.amount, price.currency, price.interval):
        raise ServiceError(
            "refused",
            f"Stripe has another price under {price.lookup_key}: {there[0]} {there[1]} {interval}.",
        )


def _product_id(offer: Offer) -> str:
    return f"atelier-{offer.code}"


def _ensure_product(offer: Offer) -> None:
    params: dict[str, Any] = {"id": _product_id(offer), "name": offer.name}
    if offer.description:
        params["description"] = offer.description
    if offer.tax_code:
        params["tax_code"] = offer.tax_code
    products = client().v1.products
    try:
        with asking():
            products.retrieve(_product_id(offer))
        return
    except NotFound:
        pass
    try:
        with asking():
            products.create(cast(Any, params))
    except ServiceError:
        with asking():
            products.retrieve(_product_id(offer))  # made by somebody else meanwhile, or raises


def _is_missing(error: ServiceError, param: str) -> bool:
    cause = error.__cause__
    return (
        isinstance(cause, stripe.InvalidRequestError)
        and cause.code == "resource_missing"
        and cause.param == param
    )
