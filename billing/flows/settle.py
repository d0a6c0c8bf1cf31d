"""Settle: what the provider says about a payment becomes payment, invoice and delivery, once.

Webhook, success page and reconciliation all end here; it may be called any number of times, in any
order. The provider is asked first, outside any transaction; then everything is written in one.
"""

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing import emails
from billing.flows import costs, differences, fulfilment, invoices
from billing.gateways.contract import CheckoutSnapshot, PaymentSnapshot
from billing.models import Difference, Order, OrderState, Payment, PaymentState
from common import faults

log = structlog.get_logger(__name__)


def order_of(uuid: str) -> Order | None:
    """Return the order a provider's object carries the id of; None for other people's ids."""
    try:
        return Order.objects.filter(uuid=uuid).first() if uuid else None
    except (ValidationError, ValueError, TypeError):
        return None


def checkout(gateway: str, snapshot: CheckoutSnapshot) -> str:
    """Apply what a checkout says: who the buyer is, whether it is paid, on its way or over."""
    order = order_of(snapshot.order_uuid)
    if order is None:
        return "not ours"
    _remember_buyer(order, snapshot)
    if snapshot.payment is not None:
        return payment(gateway, snapshot.payment, tax=snapshot.tax if settings.STRIPE_TAX else None)
    if snapshot.state == "expired" and order.checkout_ref == snapshot.ref:
        return "expired" if order.move(OrderState.EXPIRED) else "over already"
    return snapshot.state


def _remember_buyer(order: Order, snapshot: CheckoutSnapshot) -> None:
    """Keep what the buyer told the provider, where we were not told ourselves."""
    told = {
        "email": snapshot.email,
        "name": snapshot.name,
        "address": list(snapshot.address),
        "country": snapshot.country,
    }
    missing = {name: value for name, value in told.items() if value and not order.buyer.get(name)}
    if missing and order.state != OrderState.PAID:
        order.buyer = {**order.buyer, **missing}
        order.save(update_fields=["buyer"])


def payment(gateway: str, snapshot: PaymentSnapshot, *, tax: int | None = None) -> str:
    """Apply what the provider says about the payment of an order; return what came of it."""
    order = order_of(snapshot.order_uuid)
    if order is None:
        return "not ours"
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order.pk)
        row, _ = Payment.objects.get_or_create(
            gateway=gateway,
            ref=snapshot.ref,
            defaults={
                "order": order,
                "amount": snapshot.amount,
                "currency": snapshot.currency,
                "tax": order.tax if tax is None else tax,
            },
        )
        outcome = _apply(order, row, snapshot)
    faults.point("payment_before_fee")
    fee(row, snapshot)
    return outcome


def _apply(order: Order, row: Payment, snapshot: PaymentSnapshot) -> str:
    if snapshot.state == PaymentState.PROCESSING:
        row.move(PaymentState.PROCESSING)
        return "on its way" if order.move(OrderState.PROCESSING) else "known"
    if snapshot.state == PaymentState.FAILED:
        return _failed(order, row, snapshot)
    if snapshot.state != PaymentState.SUCCEEDED:
        return "begun"
    if not row.move(
        PaymentState.SUCCEEDED,
        succeeded_at=timezone.now(),
        amount=snapshot.amount,
        currency=snapshot.currency,
        failure="",
    ):
        return "known"
    faults.point("payment_before_delivery")
    return _received(order, row)


def _failed(order: Order, row: Payment, snapshot: PaymentSnapshot) -> str:
    """The payment failed; so did the order, unless other money of it is here or on its way."""
    news = row.move(PaymentState.FAILED, failure=snapshot.failure[:300])
    # Told again about an old payment: an order that is open may wait for a new one by now.
    if not news and order.state != OrderState.PROCESSING:
        return "known"
    others = order.payments.filter(state__in=(PaymentState.PROCESSING, PaymentState.SUCCEEDED))
    if not others.exists() and order.move(OrderState.FAILED):
        emails.payment_failed(order, snapshot.failure)
        return "failed"
    return "failed" if news else "known"


def _received(order: Order, row: Payment) -> str:
    """The money is here: deliver, unless something about it is wrong, and say so."""
    problem = _problem(order, row)
    if problem:
        kind, expected, actual = problem
        differences.note(kind, row.ref, gateway=row.gateway, expected=expected, actual=actual)
        invoices.issue(row)
        return f"received, not delivered: {kind}"
    if not _paid(order):
        invoices.issue(row)
        return "received, but sold already"
    fulfilment.deliver(
        order, key=f"order:{order.uuid}", payment=row, entitlement=order.price.entitlement
    )
    faults.point("delivery_before_invoice")
    invoice = invoices.issue(row)
    emails.receipt(row, invoice)
    faults.point("settle_before_commit")
    return "paid"


def _problem(order: Order, row: Payment) -> tuple[str, str, str] | None:
    """Say why a payment must not deliver: it is the second one, or not what was asked for."""
    earlier = order.payments.filter(state=PaymentState.SUCCEEDED).exclude(pk=row.pk).first()
    if earlier is not None:
        return Difference.Kind.DOUBLE, earlier.ref, row.ref
    asked = f"{order.total} {order.currency}"
    got = f"{row.amount} {row.currency}"
    if settings.STRIPE_TAX and not order.price.includes_tax:
        # Stripe added the tax at checkout: what we know is the amount before it.
        asked = f"{order.total + row.tax} {order.currency}"
    return None if asked == got else (Difference.Kind.AMOUNT, asked, got)


def _paid(order: Order) -> bool:
    """Mark an order paid; False where its exclusive target went to somebody else meanwhile."""
    now = timezone.now()
    try:
        with transaction.atomic():
            return order.move(OrderState.PAID, paid_at=now)
    except IntegrityError:
        order.move(
            OrderState.CONFLICT, paid_at=now, note="Somebody else bought this first. Pay it back."
        )
        return False


def fee(row: Payment, snapshot: PaymentSnapshot) -> None:
    """Record what the provider keeps of a payment, once it says so."""
    if snapshot.fee_micro is None or row.state != PaymentState.SUCCEEDED:
        return
    costs.record(
        product=row.order.offer.product,
        provider=row.gateway,
        operation="payment fee",
        units=1,
        unit="payment",
        amount_micro=snapshot.fee_micro,
        currency=snapshot.fee_currency or row.currency,
        ref=f"fee:{row.gateway}:{row.ref}",
        account=row.order.account,
        order=row.order,
    )
