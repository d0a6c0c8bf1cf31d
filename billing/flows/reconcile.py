"""Reconcile: the provider's books and ours are compared, every hour and every night.

What was paid and not credited is settled by itself; whatever else differs waits for staff.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from celery import shared_task
from django.db.models import F
from django.utils import timezone

from billing import gateways
from billing.errors import BillingError
from billing.flows import differences, events, refunds, settle, subscriptions
from billing.gateways.contract import (
    DisputeSnapshot,
    Gateway,
    InvoiceSnapshot,
    Kind,
    NotFound,
    PaymentSnapshot,
    RefundSnapshot,
    SubscriptionSnapshot,
)
from billing.models import (
    LIVE,
    Difference,
    Dispute,
    DisputeState,
    Fulfilment,
    Order,
    Payment,
    PaymentState,
    ReconciliationRun,
    Refund,
    RefundState,
    Subscription,
)
from common.http import ServiceError
from common.jobs import JobState

log = structlog.get_logger(__name__)

RECENT, LONG = timedelta(hours=72), timedelta(days=35)
STUCK_AFTER = timedelta(minutes=15)
RENEWED_BY = timedelta(hours=1)
OUTAGE = 3  # so many unanswered questions are no longer about single objects


@shared_task
def hourly() -> None:
    """Compare the last three days: as long as a provider tries to deliver an event."""
    _compare_all(RECENT)


@shared_task
def nightly() -> None:
    """Compare the last 35 days, a month of subscriptions, and what of ours may be older."""
    _compare_all(LONG, older=True)


def _compare_all(span: timedelta, *, older: bool = False) -> None:
    for code in gateways.configured():
        try:
            compare(code, timezone.now() - span, older=older)
        except Exception:  # one provider must not keep the others from being compared
            log.exception("reconciliation_failed", gateway=code)


def compare(code: str, since: datetime, *, older: bool = False) -> ReconciliationRun:
    """Compare one provider's books since then with ours; a fault ends the run and is kept in it.

    `older`: ask about our plans and disputes too that are under way, however old they are. One
    object that cannot be compared is written down, and ends nothing.
    """
    run = ReconciliationRun.objects.create(gateway=code, since=since)
    try:
        gateway = gateways.by_code(code)
        guard = Guard(code, run)
        ask_open_orders(code, since, guard=guard)
        paid = _their_books(gateway, since, guard)
        if older:
            _still_under_way(guard)
        _credited_not_paid(gateway, since, paid, run)
        _stuck(run)
    except (ServiceError, BillingError) as error:
        log.error("reconciliation_broken_off", gateway=code, error=str(error))
        run.error = str(error)
    except Exception as error:
        log.exception("reconciliation_broken_off", gateway=code)
        run.error = f"{type(error).__name__}: {error}"
    found = Difference.objects.filter(run=run)
    run.repaired = found.filter(state=Difference.State.REPAIRED).count()
    run.left_open = found.filter(state=Difference.State.OPEN).count()
    run.finished_at = timezone.now()
    run.save()
    return run


class Guard:
    """Lets one object fail without the others: the fault is logged and written down for staff."""

    def __init__(self, code: str, run: ReconciliationRun) -> None:
        self.code = code
        self.run = run
        self.unanswered = 0

    def do(self, ref: str, act: Callable[[], Any]) -> None:
        """Do one thing about an object. Raises ServiceError once the provider seems to be down."""
        try:
            act()
        except ServiceError as error:
            if error.kind != "refused":
                self.unanswered += 1
                if self.unanswered >= OUTAGE:
                    raise
            self._note(ref, error)
        except Exception as error:
            self._note(ref, error)

    def _note(self, ref: str, error: Exception) -> None:
        log.exception("object_not_compared", gateway=self.code, ref=ref)
        actual = f"not compared: {type(error).__name__}: {error}"
        differences.note(
            Difference.Kind.UNKNOWN, ref, gateway=self.code, actual=actual, run=self.run
        )


def _their_books(gateway: Gateway, since: datetime, guard: Guard) -> set[str]:
    """Go through what the provider has since then; return the payments that it received."""
    paid: set[str] = set()
    for kind, check in CHECKS:
        for snapshot in gateway.list_since(kind, since):
            guard.run.seen += 1
            if isinstance(snapshot, PaymentSnapshot) and snapshot.state == "succeeded":
                paid.add(snapshot.ref)
            guard.do(snapshot.ref, partial(check, gateway.code, snapshot, guard.run))
    return paid


def ask_open_orders(code: str, since: datetime, *, guard: Guard, most: int = 500) -> int:
    """Ask about orders that wait for a payment for a while: their event may never have come."""
    waiting = Order.objects.awaiting_payment().filter(
        gateway=code,
        checkout_ref__isnull=False,
        created_at__gte=since,
        created_at__lt=timezone.now() - STUCK_AFTER,
    )
    asked = 0
    for ref in waiting.values_list("checkout_ref", flat=True)[:most]:
        guard.do(str(ref), partial(_ask_order, code, str(ref)))
        asked += 1
    return asked


def _ask_order(code: str, ref: str) -> None:
    try:
        events.apply(code, Kind.CHECKOUT, ref)
    except NotFound:
        log.warning("checkout_unknown", ref=ref)


# --- One check for each kind of object ---------------------------------------------------------
def _repair(
    code: str,
    ref: str,
    run: ReconciliationRun,
    *,
    by: Callable[[], Any],
    mended: Callable[[], bool],
    expected: str,
) -> None:
    """Write a difference down, settle it, and see whether that mended it."""
    row = differences.note(
        Difference.Kind.NOT_CREDITED, ref, gateway=code, expected=expected, run=run
    )
    by()
    if mended():
        differences.repaired(row, "Settled by the comparison.")


def _payment(code: str, snapshot: PaymentSnapshot, run: ReconciliationRun) -> None:
    if snapshot.state != "succeeded":
        return
    row = Payment.objects.filter(gateway=code, ref=snapshot.ref).first()
    if row is not None and row.state == PaymentState.SUCCEEDED:
        _same_amount(code, snapshot, row, run)
        return
    if row is None and not snapshot.invoice_ref:
        if not snapshot.order_uuid:
            return  # somebody else's: the provider's account may serve other sites too
        if settle.order_of(snapshot.order_uuid) is None:
            differences.note(
                Difference.Kind.UNKNOWN,
                snapshot.ref,
                gateway=code,
                actual=f"{snapshot.amount} {snapshot.currency} for order {snapshot.order_uuid}",
                run=run,
            )
            return
    if snapshot.invoice_ref and not _invoice_is_ours(code, snapshot.invoice_ref):
        return
    _repair(
        code,
        snapshot.ref,
        run,
        by=lambda: refunds.any_payment(code, snapshot),
        mended=lambda: _has_payment(code, snapshot.ref),
        expected=f"{snapshot.amount} {snapshot.currency}",
    )


def _invoice_is_ours(code: str, ref: str) -> bool:
    snapshot = gateways.by_code(code).fetch(Kind.INVOICE, ref)
    assert isinstance(snapshot, InvoiceSnapshot)
    return bool(snapshot.subscription_ref) and _subscription_is_ours(
        code, snapshot.subscription_ref
    )


def _subscription_is_ours(code: str, ref: str) -> bool:
    if Subscription.objects.filter(gateway=code, ref=ref).exists():
        return True
    return subscriptions.sync(code, ref) != "not ours"


def _has_payment(code: str, ref: str) -> bool:
    return Payment.objects.filter(gateway=code, ref=ref, state=PaymentState.SUCCEEDED).exists()


def _same_amount(
    code: str, snapshot: PaymentSnapshot, row: Payment, run: ReconciliationRun
) -> None:
    settle.fee(row, snapshot)
    ours, theirs = f"{row.amount} {row.currency}", f"{snapshot.amount} {snapshot.currency}"
    if ours != theirs:
        differences.note(
            Difference.Kind.AMOUNT,
            snapshot.ref,
            gateway=code,
            expected=ours,
            actual=theirs,
            run=run,
        )


def _invoice(code: str, snapshot: InvoiceSnapshot, run: ReconciliationRun) -> None:
    trial = snapshot.amount == 0 and snapshot.reason == "create"
    if snapshot.state != "paid" or trial or not snapshot.subscription_ref:
        return
    paid = Payment.objects.filter(
        gateway=code, invoice_ref=snapshot.ref, state=PaymentState.SUCCEEDED
    )
    if paid.exists() or not _subscription_is_ours(code, snapshot.subscription_ref):
        return
    _repair(
        code,
        snapshot.ref,
        run,
        by=lambda: subscriptions.apply_invoice(code, snapshot),
        mended=paid.exists,
        expected=f"{snapshot.amount} {snapshot.currency}",
    )


def _refund(code: str, snapshot: RefundSnapshot, run: ReconciliationRun) -> None:
    known = Refund.objects.filter(gateway=code, ref=snapshot.ref)
    if snapshot.state != "succeeded" or known.filter(state=RefundState.SUCCEEDED).exists():
        return
    if refunds.payment_of(code, snapshot.payment_ref) is None:
        return
    _repair(
        code,
        snapshot.ref,
        run,
        by=lambda: refunds.apply_refund(code, snapshot),
        mended=lambda: known.filter(state=RefundState.SUCCEEDED).exists(),
        expected=f"{snapshot.amount} paid back",
    )


def _dispute(code: str, snapshot: DisputeSnapshot, run: ReconciliationRun) -> None:
    known = Dispute.objects.filter(gateway=code, ref=snapshot.ref, state=snapshot.state)
    if known.exists() or refunds.payment_of(code, snapshot.payment_ref) is None:
        return
    _repair(
        code,
        snapshot.ref,
        run,
        by=lambda: refunds.apply_dispute(code, snapshot),
        mended=known.exists,
        expected=f"dispute {snapshot.state}",
    )


def _subscription(code: str, snapshot: SubscriptionSnapshot, run: ReconciliationRun) -> None:
    known = Subscription.objects.filter(gateway=code, ref=snapshot.ref, state=snapshot.state)
    if not known.exists():
        subscriptions.sync(code, snapshot.ref)


CHECKS: tuple[tuple[Kind, Callable[..., None]], ...] = (
    (Kind.SUBSCRIPTION, _subscription),
    (Kind.INVOICE, _invoice),
    (Kind.PAYMENT, _payment),
    (Kind.REFUND, _refund),
    (Kind.DISPUTE, _dispute),
)


# --- Our own books -----------------------------------------------------------------------------
def _still_under_way(guard: Guard) -> None:
    """Ask about plans that should have been renewed by now, and disputes nobody has decided.

    They may have begun long before the window: a yearly plan, a dispute of three months.
    """
    plans = Subscription.objects.filter(
        gateway=guard.code, state__in=LIVE, period_end__lt=timezone.now() - RENEWED_BY
    )
    for ref in list(plans.values_list("ref", flat=True)):
        guard.do(ref, partial(subscriptions.sync, guard.code, ref))
    undecided = Dispute.objects.filter(
        gateway=guard.code, state__in=(DisputeState.OPEN, DisputeState.UNDER_REVIEW)
    )
    for ref in list(undecided.values_list("ref", flat=True)):
        guard.do(ref, partial(refunds.dispute, guard.code, ref))


def _credited_not_paid(
    gateway: Gateway, since: datetime, paid: set[str], run: ReconciliationRun
) -> None:
    """Find payments that we hold for received and the provider does not."""
    ours = Payment.objects.filter(
        gateway=gateway.code,
        state=PaymentState.SUCCEEDED,
        created_at__gte=since,
        succeeded_at__lt=run.started_at,
        amount__gt=0,
    ).exclude(ref=F("invoice_ref"))  # paid by hand at the provider: there is no payment to ask for
    for row in ours.exclude(ref__in=paid).iterator():
        try:
            snapshot = gateway.fetch(Kind.PAYMENT, row.ref)
        except NotFound:
            snapshot = None
        if isinstance(snapshot, PaymentSnapshot) and snapshot.state == "succeeded":
            continue  # made a little before the window
        differences.note(
            Difference.Kind.NOT_PAID,
            row.ref,
            gateway=gateway.code,
            expected=f"{row.amount} {row.currency}",
            actual=getattr(snapshot, "state", "unknown there"),
            run=run,
        )


def _stuck(run: ReconciliationRun) -> None:
    """Find what was paid and is not delivered, and close what was delivered since."""
    late = Fulfilment.objects.filter(
        created_at__lt=timezone.now() - STUCK_AFTER, dedupe_key__isnull=False
    ).exclude(state__in=(JobState.SUCCEEDED, JobState.CANCELLED))
    for row in late.iterator():
        differences.note(
            Difference.Kind.STUCK, str(row.dedupe_key), expected="done", actual=row.error, run=run
        )
    open_now = Difference.objects.filter(kind=Difference.Kind.STUCK, state=Difference.State.OPEN)
    done = Fulfilment.objects.filter(
        dedupe_key__in=open_now.values("ref"),
        state__in=(JobState.SUCCEEDED, JobState.CANCELLED),
    ).values_list("dedupe_key", flat=True)
    for difference in open_now.filter(ref__in=list(done)):
        differences.repaired(difference, "Delivered since.")
