"""Refunds and disputes: money that goes back takes back what it had paid for."""

import structlog
from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from accounts.flows.audit import audited
from accounts.models import User
from billing import emails, gateways
from billing.errors import BillingError
from billing.flows import differences, fulfilment, invoices, settle, subscriptions
from billing.gateways.contract import (
    CheckoutSnapshot,
    DisputeSnapshot,
    InvoiceSnapshot,
    Kind,
    NotFound,
    PaymentSnapshot,
    RefundSnapshot,
)
from billing.models import (
    Difference,
    Dispute,
    DisputeState,
    Fulfilment,
    Order,
    OrderState,
    Payment,
    PaymentState,
    Refund,
    RefundRequest,
    RefundState,
)
from common import faults
from common.http import ServiceError

log = structlog.get_logger(__name__)


# --- Asking for a refund ----------------------------------------------------------------------
@audited("billing.refund", "state", "amount", "refunded")
def request(payment: Payment, amount: int, *, actor: User | None, reason: str) -> Refund:
    """Pay back a part or all of a payment, in minor units. Raises BillingError `too_much`.

    The row is written at once; a worker asks the provider, with our key, so that it happens once.
    """
    reserved = Payment.objects.filter(
        pk=payment.pk, state=PaymentState.SUCCEEDED, refunded__lte=F("amount") - amount
    ).update(refunded=F("refunded") + amount)
    if amount < 1 or not reserved:
        raise BillingError("too_much", "More than what was paid and not paid back yet.")
    payment.refresh_from_db()
    row = Refund.objects.create(
        payment=payment, gateway=payment.gateway, amount=amount, reason=reason[:300], author=actor
    )
    RefundRequest.objects.create(refund=row, dedupe_key=f"refund:{row.uuid}").ring()
    return row


@shared_task
def ask(request_id: int) -> None:
    """Ask the provider for one refund. Running it twice is harmless: it knows our key."""
    job = RefundRequest.objects.claim(request_id)
    if job is None:
        return  # Another worker has it, or it is done.
    row = job.refund
    try:
        snapshot = gateways.by_code(row.gateway).refund(row)
    except BillingError as error:
        job.finish(error=ServiceError("refused", error.message))
    except NotFound:
        _refused(job, "The provider does not know this payment.")
    except ServiceError as error:
        if error.kind == "refused":
            _refused(job, str(error))
        else:  # with our key asking again is safe
            job.finish(error=ServiceError("retry", str(error)))
    else:
        faults.point("refund_before_record")
        apply_refund(row.gateway, snapshot)
        job.finish()


def _refused(job: RefundRequest, words: str) -> None:
    with transaction.atomic():
        _failed(job.refund)
        job.finish(error=ServiceError("refused", words))


def _failed(row: Refund) -> bool:
    """The money stays here: the amount may be asked for again. False: it was known."""
    if not row.move(RefundState.FAILED, settled_at=timezone.now()):
        return False
    Payment.objects.filter(pk=row.payment_id, refunded__gte=row.amount).update(
        refunded=F("refunded") - row.amount
    )
    return True


# --- What the provider says about a refund ----------------------------------------------------
def refund(gateway: str, ref: str) -> str:
    """Ask for a refund and apply it, also one that somebody made at the provider."""
    snapshot = gateways.by_code(gateway).fetch(Kind.REFUND, ref)
    assert isinstance(snapshot, RefundSnapshot)
    return apply_refund(gateway, snapshot)


def apply_refund(gateway: str, snapshot: RefundSnapshot) -> str:
    """Apply a refund as it was just fetched."""
    payment = payment_of(gateway, snapshot.payment_ref)
    if payment is None:
        return "not ours"
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=payment.order_id)
        payment = Payment.objects.select_for_update().get(pk=payment.pk)
        row = _row_of(gateway, snapshot, payment)
        if row is None:
            return "more than was paid"
        if snapshot.state == "failed":
            if not _failed(row):
                return "known"
            differences.note(
                Difference.Kind.AMOUNT, snapshot.ref, gateway=gateway, actual="the refund failed"
            )
            return "failed"
        if snapshot.state == "pending":
            return "pending" if row.move(RefundState.PENDING) else "known"
        if not row.move(RefundState.SUCCEEDED, settled_at=timezone.now()):
            return "known"
        _paid_back(order, payment, row)
        faults.point("refund_before_commit")
    return "paid back"


def payment_of(gateway: str, ref: str) -> Payment | None:
    """Return the payment with a provider's id; one that we never heard of is settled first.

    None where it is not ours, or where no payment stands behind what was refunded or disputed.
    """
    if not ref:
        return None
    found = Payment.objects.filter(gateway=gateway, ref=ref).first()
    if found is not None and found.state == PaymentState.SUCCEEDED:
        return found
    try:
        snapshot = gateways.by_code(gateway).fetch(Kind.PAYMENT, ref)
    except NotFound:
        return None
    assert isinstance(snapshot, PaymentSnapshot)
    any_payment(gateway, snapshot)
    return Payment.objects.filter(gateway=gateway, ref=ref, state=PaymentState.SUCCEEDED).first()


def any_payment(gateway: str, snapshot: PaymentSnapshot) -> str:
    """Apply a payment, whether it paid an order or a subscription's invoice."""
    known = Payment.objects.filter(gateway=gateway, ref=snapshot.ref).first()
    invoice_ref = snapshot.invoice_ref or (known.invoice_ref if known else "")
    if not invoice_ref:
        return _order_s_payment(gateway, snapshot)
    fetched = gateways.by_code(gateway).fetch(Kind.INVOICE, invoice_ref)
    assert isinstance(fetched, InvoiceSnapshot)
    return subscriptions.apply_invoice(gateway, fetched)


def _order_s_payment(gateway: str, snapshot: PaymentSnapshot) -> str:
    order = settle.order_of(snapshot.order_uuid)
    if settings.STRIPE_TAX and order is not None and order.checkout_ref:
        # Only the checkout knows how much of it is tax.
        checkout = gateways.by_code(gateway).fetch(Kind.CHECKOUT, order.checkout_ref)
        assert isinstance(checkout, CheckoutSnapshot)
        if checkout.payment is not None and checkout.payment.ref == snapshot.ref:
            return settle.checkout(gateway, checkout)
    return settle.payment(gateway, snapshot)


def _row_of(gateway: str, snapshot: RefundSnapshot, payment: Payment) -> Refund | None:
    """Return our row of a refund: the one we asked for, or a new one for one made elsewhere."""
    row = Refund.objects.filter(gateway=gateway, ref=snapshot.ref).first()
    if row is None and snapshot.refund_uuid:
        row = Refund.objects.filter(uuid=snapshot.refund_uuid, payment=payment).first()
    if row is not None:
        if row.ref is None:
            row.ref = snapshot.ref
            row.save(update_fields=["ref"])
        return row
    if snapshot.state != "failed":
        reserved = Payment.objects.filter(
            pk=payment.pk, refunded__lte=F("amount") - snapshot.amount
        ).update(refunded=F("refunded") + snapshot.amount)
        if not reserved:
            differences.note(
                Difference.Kind.AMOUNT,
                snapshot.ref,
                gateway=gateway,
                expected=f"at most {payment.amount - payment.refunded}",
                actual=f"{snapshot.amount} paid back",
            )
            return None
    return Refund.objects.create(
        payment=payment,
        gateway=gateway,
        ref=snapshot.ref,
        amount=snapshot.amount,
        reason=snapshot.reason[:300] or "Made at the provider.",
    )


def _paid_back(order: Order, payment: Payment, row: Refund) -> None:
    """The money is back with the buyer: take back what it paid for, and document it."""
    _gone(order, payment, f"refund:{row.uuid}", Fulfilment.Cause.REFUND)
    note = invoices.credit(row)
    emails.refunded(row, note)


def _gone(order: Order, payment: Payment, key: str, cause: str) -> None:
    """Take back what a payment delivered, as far as its money is gone, and say so in the order."""
    delivered = payment.fulfilments.filter(verb=Fulfilment.Verb.FULFIL).first()
    if delivered is not None:
        part = payment.amount - _kept(payment)
        fulfilment.take_back(delivered, key=key, cause=cause, part=part, whole=payment.amount)
    if payment.subscription_id is not None:
        return
    received = order.payments.filter(state=PaymentState.SUCCEEDED, subscription=None)
    kept = sum(_kept(each) for each in received)
    if not kept:
        lost = cause == Fulfilment.Cause.DISPUTE
        order.move(OrderState.CHARGED_BACK if lost else OrderState.REFUNDED)
    elif kept < order.total or delivered is not None:
        # A second payment that goes back, of two, leaves a good order as it is.
        order.move(OrderState.PARTLY_REFUNDED)


def _kept(payment: Payment) -> int:
    """Return how much of a payment neither a refund nor the buyer's bank took away again."""
    refunded = payment.refunds.filter(state=RefundState.SUCCEEDED).aggregate(sum=Sum("amount"))
    lost = payment.disputes.filter(state=DisputeState.LOST).aggregate(sum=Sum("amount"))
    return max(0, payment.amount - (refunded["sum"] or 0) - (lost["sum"] or 0))


# --- Disputes ---------------------------------------------------------------------------------
def dispute(gateway: str, ref: str) -> str:
    """Ask for a dispute and apply it; a lost one takes back what was paid for."""
    snapshot = gateways.by_code(gateway).fetch(Kind.DISPUTE, ref)
    assert isinstance(snapshot, DisputeSnapshot)
    return apply_dispute(gateway, snapshot)


def apply_dispute(gateway: str, snapshot: DisputeSnapshot) -> str:
    """Apply a dispute as it was just fetched."""
    payment = payment_of(gateway, snapshot.payment_ref)
    if payment is None:
        return "not ours"
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=payment.order_id)
        row, created = Dispute.objects.get_or_create(
            gateway=gateway,
            ref=snapshot.ref,
            defaults={
                "payment": payment,
                "amount": snapshot.amount,
                "reason": snapshot.reason[:80],
                "evidence_due": snapshot.evidence_due,
            },
        )
        if created:
            log.error("dispute_opened", dispute=row.pk, payment=payment.pk)
        if snapshot.state == row.state:
            return row.state
        over = snapshot.state in ("won", "lost")
        settled_at = timezone.now() if over else None
        if not row.move(snapshot.state, settled_at=settled_at, amount=snapshot.amount):
            return "known"
        if snapshot.state == DisputeState.LOST:
            key = f"dispute:{gateway}:{snapshot.ref}"
            _gone(order, payment, key, Fulfilment.Cause.DISPUTE)
        faults.point("dispute_before_commit")
    return row.state
