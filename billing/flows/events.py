"""Events: a provider says that something happened; we ask what, and apply the answer."""

from billing import gateways
from billing.flows import refunds, settle, subscriptions
from billing.gateways.contract import CheckoutSnapshot, Kind, PaymentSnapshot
from billing.models import Order, OrderState


def apply(gateway: str, kind: Kind, ref: str) -> str:
    """Ask the provider for an object and apply it; return what came of it, in a few words.

    Any order and any number of repeats end the same. Raises ServiceError, NotFound, BillingError.
    """
    if kind == Kind.SUBSCRIPTION:
        return subscriptions.sync(gateway, ref)
    if kind == Kind.INVOICE:
        return subscriptions.invoice(gateway, ref)
    if kind == Kind.REFUND:
        return refunds.refund(gateway, ref)
    if kind == Kind.DISPUTE:
        return refunds.dispute(gateway, ref)
    snapshot = gateways.by_code(gateway).fetch(kind, ref)
    if isinstance(snapshot, PaymentSnapshot):
        return refunds.any_payment(gateway, snapshot)
    assert isinstance(snapshot, CheckoutSnapshot)
    return _checkout(gateway, snapshot)


def _checkout(gateway: str, snapshot: CheckoutSnapshot) -> str:
    outcome = settle.checkout(gateway, snapshot)
    if not snapshot.subscription_ref or outcome == "not ours":
        return outcome
    state, invoice_ref = subscriptions.sync_with_invoice(gateway, snapshot.subscription_ref)
    if not invoice_ref:
        return state
    return f"{state}, {subscriptions.invoice(gateway, invoice_ref)}"


def refresh(order: Order) -> Order:
    """Ask the provider about an order that somebody is looking at, and settle what it says.

    So the buyer need not wait for a webhook. Raises ServiceError where the provider is down.
    """
    waiting = (OrderState.DRAFT, OrderState.OPEN, OrderState.PROCESSING)
    if order.checkout_ref and order.state in waiting:
        apply(order.gateway, Kind.CHECKOUT, order.checkout_ref)
        order.refresh_from_db()
    return order
