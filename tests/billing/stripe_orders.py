"""Orders for the tests of the way to Stripe: made directly, since no door is needed here."""

from typing import Any

from accounts.models import Account
from billing.models import Offer, Order, Payment, Price, Refund

MARKETING = {"kind": "subscription", "family": "marketing", "code": "marketing-basic"}


def offer(
    *, amount: int = 4999, interval: str = "", includes_tax: bool = True, **values: Any
) -> Offer:
    """Return an offer with one price."""
    fields = {
        "code": "poster",
        "kind": "one_off",
        "product": "prompts",
        "name": "A poster",
    } | values
    made = Offer.objects.create(handler="billing.plan", **fields)
    made.price = Price.objects.create(
        offer=made, amount=amount, interval=interval, includes_tax=includes_tax
    )
    made.save()
    return made


def plan(*, trial_days: int = 0, **values: Any) -> Offer:
    """Return an offer of a monthly subscription."""
    kind = {"kind": "trial"} if trial_days else {}
    return offer(**{"interval": "month", **MARKETING, **kind, "trial_days": trial_days, **values})


def order(account: Account, of: Offer, *, tax: int = 0, **values: Any) -> Order:
    """Return an order of an offer."""
    assert of.price is not None
    fields = {
        "currency": of.price.currency,
        "net": of.price.amount,
        "tax": tax,
        "total": of.price.amount + tax,
        "quote": {"lines": [{"name": of.name}], "trial_days": of.trial_days},
        "buyer": {"email": "owner@example.org", "name": "Olga Owner"},
        "gateway": "stripe",
        "idempotency_key": f"form-{Order.objects.count()}",
    } | values
    return Order.objects.create(account=account, offer=of, price=of.price, **fields)


def paid(of: Order, ref: str, *, amount: int | None = None) -> Payment:
    """Return the payment of an order."""
    return Payment.objects.create(
        order=of,
        gateway="stripe",
        ref=ref,
        state="succeeded",
        amount=amount or of.total,
        currency=of.currency,
    )


def refund(payment: Payment, amount: int) -> Refund:
    """Return a refund to be asked for."""
    return Refund.objects.create(payment=payment, gateway="stripe", amount=amount)
