"""Subscriptions: kept as the provider has them; each paid invoice delivers one period.

A failed renewal does not end a plan at once: it goes on for a grace of 14 days, with a mail at
once, after 3 and 7 days, and at the end.
"""

from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import shared_task
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from billing import emails, gateways
from billing.flows import differences, fulfilment, invoices, settle
from billing.gateways.contract import InvoiceSnapshot, Kind, SubscriptionSnapshot
from billing.models import (
    GRACE,
    Difference,
    Fulfilment,
    GatewayPrice,
    Order,
    OrderState,
    Payment,
    PaymentState,
    Price,
    Subscription,
    SubscriptionState,
)
from billing.moves import sources
from common import faults

log = structlog.get_logger(__name__)

REMIND_AFTER = (timedelta(0), timedelta(days=3), timedelta(days=7))
OVER = (
    SubscriptionState.CANCELED,
    SubscriptionState.UNPAID,
    SubscriptionState.INCOMPLETE_EXPIRED,
    SubscriptionState.PAUSED,
)
LATE = (SubscriptionState.INCOMPLETE, SubscriptionState.PAST_DUE, SubscriptionState.UNPAID)
# For good: nothing is late any more.
ENDED = (SubscriptionState.CANCELED, SubscriptionState.INCOMPLETE_EXPIRED)


# --- What the provider says about a subscription ----------------------------------------------
def sync(gateway: str, ref: str) -> str:
    """Ask for a subscription and keep what it says; return what came of it."""
    return sync_with_invoice(gateway, ref)[0]


def sync_with_invoice(gateway: str, ref: str) -> tuple[str, str]:
    """The same, and the provider's id of the subscription's latest invoice."""
    asked_at = timezone.now()
    snapshot = gateways.by_code(gateway).fetch(Kind.SUBSCRIPTION, ref)
    assert isinstance(snapshot, SubscriptionSnapshot)
    return keep(gateway, snapshot, asked_at=asked_at), snapshot.latest_invoice_ref


def keep(gateway: str, snapshot: SubscriptionSnapshot, *, asked_at: datetime) -> str:
    """Keep a snapshot, unless what is stored was asked for later."""
    order = settle.order_of(snapshot.order_uuid) or _known_order(gateway, snapshot.ref)
    if order is None:
        return "not ours"
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order.pk)
        row, created = Subscription.objects.get_or_create(
            gateway=gateway,
            ref=snapshot.ref,
            defaults=_first(order, asked_at),
        )
        row = Subscription.objects.select_for_update().get(pk=row.pk)
        before = (row.price_id, row.state)
        if not _write(row, snapshot, asked_at):
            return "older than what is known"
        _follow(order, row, before=before, created=created)
        faults.point("subscription_before_commit")
    return row.state


def _known_order(gateway: str, ref: str) -> Order | None:
    return Order.objects.filter(subscription__gateway=gateway, subscription__ref=ref).first()


def _first(order: Order, asked_at: datetime) -> dict[str, Any]:
    """Return the columns of a subscription seen for the first time; nothing runs yet."""
    return {
        "account": order.account,
        "order": order,
        "offer": order.offer,
        "price": order.price,
        "family": order.offer.family,
        "state": SubscriptionState.INCOMPLETE,
        "asked_at": asked_at - timedelta(microseconds=1),  # so that the first answer is newer
    }


def _write(row: Subscription, snapshot: SubscriptionSnapshot, asked_at: datetime) -> bool:
    """Write a snapshot by one conditional UPDATE.

    False: what is stored was asked for later, or the move is not legal any more.
    """
    price = _price_of(row.gateway, snapshot.price_ref, row)
    fields = {
        "price": price,
        "offer": price.offer,
        "family": price.offer.family,
        "state": snapshot.state,
        "period_start": snapshot.period_start,
        "period_end": snapshot.period_end,
        "trial_end": snapshot.trial_end,
        "ended_at": snapshot.ended_at,
        "cancel_at_period_end": snapshot.cancel_at_period_end,
        "asked_at": asked_at,
    }
    if snapshot.state in (SubscriptionState.ACTIVE, SubscriptionState.TRIALING, *ENDED):
        fields |= {"overdue_since": None, "grace_until": None, "reminders": 0}
    rows = Subscription.objects.filter(
        pk=row.pk,
        asked_at__lt=asked_at,
        state__in=sources("subscription", snapshot.state) | {snapshot.state},
    )
    try:
        with transaction.atomic():
            written = rows.update(**fields, duplicate=False)
    except IntegrityError:
        # Two checkouts of one family were paid side by side. The second gives nothing twice.
        written = rows.update(**fields, duplicate=True)
    row.refresh_from_db()
    return bool(written)


def _price_of(gateway: str, ref: str, row: Subscription) -> Price:
    """Return our price for the provider's; one we don't know is written down, the old one stays."""
    found = GatewayPrice.objects.filter(gateway=gateway, ref=ref).select_related("price__offer")
    known = found.first()
    if known is not None:
        return known.price
    if ref:
        differences.note(
            Difference.Kind.UNKNOWN, f"{row.ref}:{ref}", gateway=gateway, actual=f"price {ref}"
        )
    return row.price


def _follow(order: Order, row: Subscription, *, before: tuple[int, str], created: bool) -> None:
    """Do what a change of the subscription asks for."""
    moment = f"{row.asked_at:%Y%m%d%H%M%S%f}"  # a change may come back: each is one of its own
    if row.state == SubscriptionState.TRIALING:
        order.move(OrderState.PAID, paid_at=timezone.now())
        _give(row, f"trial:{row.gateway}:{row.ref}")
    elif row.state == SubscriptionState.PAST_DUE:
        _overdue(row)
    elif row.state in OVER and before[1] not in OVER:
        _lapse(row, moment)
        if row.overdue_since is not None:
            _remind(row)
    if row.state == SubscriptionState.INCOMPLETE_EXPIRED:
        order.move(OrderState.EXPIRED)
    changed = not created and row.price_id != before[0]
    if changed and row.state in (SubscriptionState.ACTIVE, SubscriptionState.TRIALING):
        _give(row, f"change:{row.gateway}:{row.ref}:{moment}")


def _give(row: Subscription, key: str) -> None:
    """Deliver what a plan allows, without the coins: those come with a paid invoice."""
    if row.duplicate:
        return
    fulfilment.deliver(
        row.order,
        key=key,
        subscription=row,
        entitlement=row.price.entitlement,
        period=(row.period_start, row.period_end),
    )


def _lapse(row: Subscription, why: str) -> None:
    """Take back what the plan allowed, once it is over; what was paid for stays paid."""
    last = row.fulfilments.filter(verb=Fulfilment.Verb.FULFIL).order_by("-pk").first()
    if last is not None:
        fulfilment.take_back(
            last, key=f"lapse:{row.gateway}:{row.ref}:{why}", cause=Fulfilment.Cause.LAPSE
        )


# --- What the provider says about an invoice --------------------------------------------------
def invoice(gateway: str, ref: str) -> str:
    """Ask for an invoice and apply it: paid delivers a period, failed begins the grace."""
    snapshot = gateways.by_code(gateway).fetch(Kind.INVOICE, ref)
    assert isinstance(snapshot, InvoiceSnapshot)
    return apply_invoice(gateway, snapshot)


def apply_invoice(gateway: str, snapshot: InvoiceSnapshot) -> str:
    """Apply an invoice as it was just fetched."""
    if not snapshot.subscription_ref:
        return "no subscription"
    row = Subscription.objects.filter(gateway=gateway, ref=snapshot.subscription_ref).first()
    if row is None:
        if sync(gateway, snapshot.subscription_ref) == "not ours":
            return "not ours"
        row = Subscription.objects.get(gateway=gateway, ref=snapshot.subscription_ref)
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=row.order_id)
        row = Subscription.objects.select_for_update().get(pk=row.pk)
        outcome, paid = _apply_invoice(order, row, snapshot)
    faults.point("payment_before_fee")
    if paid is not None and snapshot.payment is not None:
        settle.fee(paid, snapshot.payment)
    # Also where an earlier try died before this line: what is paid is no longer late.
    if outcome == "paid" or (paid is not None and row.state in LATE):
        sync(gateway, row.ref)
    return outcome


def _apply_invoice(
    order: Order, row: Subscription, snapshot: InvoiceSnapshot
) -> tuple[str, Payment | None]:
    trial = snapshot.amount == 0 and snapshot.reason == "create"
    if trial or snapshot.state not in ("paid", "open"):
        return ("trial" if trial else snapshot.state), None
    payment = _payment_of(order, row, snapshot)
    if snapshot.state == "open":
        if payment.state == PaymentState.SUCCEEDED or not snapshot.attempted:
            return "known", None
        return _not_paid(order, row, payment, snapshot), None
    if not payment.move(
        PaymentState.SUCCEEDED,
        succeeded_at=timezone.now(),
        amount=snapshot.amount,
        tax=snapshot.tax,
        failure="",
    ):
        return "known", payment
    faults.point("payment_before_delivery")
    _received(order, row, payment, snapshot)
    return "paid", payment


def _payment_of(order: Order, row: Subscription, snapshot: InvoiceSnapshot) -> Payment:
    """Return the one payment of an invoice, made at the first sight of it."""
    found = Payment.objects.filter(gateway=row.gateway, invoice_ref=snapshot.ref).first()
    if found is not None:
        if found.ref == snapshot.ref and snapshot.payment is not None:
            # Until the provider named the payment, the invoice's name stood in.
            Payment.objects.filter(pk=found.pk).update(ref=snapshot.payment.ref)
            found.ref = snapshot.payment.ref
        return found
    return Payment.objects.get_or_create(
        gateway=row.gateway,
        ref=snapshot.payment.ref if snapshot.payment else snapshot.ref,
        defaults={
            "order": order,
            "subscription": row,
            "invoice_ref": snapshot.ref,
            "amount": snapshot.amount,
            "currency": snapshot.currency,
            "tax": snapshot.tax,
        },
    )[0]


def _received(order: Order, row: Subscription, payment: Payment, snapshot: InvoiceSnapshot) -> None:
    order.move(OrderState.PAID, paid_at=timezone.now())
    if snapshot.reason in ("create", "cycle") and not row.duplicate:
        price = _price_of(row.gateway, snapshot.price_ref, row)
        fulfilment.deliver(
            order,
            key=f"invoice:{row.gateway}:{snapshot.ref}",
            payment=payment,
            subscription=row,
            entitlement=price.entitlement,
            period=(snapshot.period_start, snapshot.period_end),
        )
    faults.point("delivery_before_invoice")
    if payment.amount:
        issued = invoices.issue(payment, number=snapshot.number)
        emails.receipt(payment, issued)
    faults.point("settle_before_commit")


def _not_paid(order: Order, row: Subscription, payment: Payment, snapshot: InvoiceSnapshot) -> str:
    why = snapshot.payment.failure if snapshot.payment else ""
    payment.move(PaymentState.FAILED, failure=why[:300])
    if snapshot.reason == "create":
        if order.move(OrderState.FAILED):
            emails.payment_failed(order, why)
    else:
        _overdue(row)
    return "failed"


# --- Overdue ----------------------------------------------------------------------------------
def _overdue(row: Subscription) -> None:
    """Begin the grace of a renewal that failed, and tell the buyer; once for each failure."""
    now = timezone.now()
    begun = Subscription.objects.filter(
        ~Q(state__in=ENDED), pk=row.pk, overdue_since__isnull=True, duplicate=False
    ).update(overdue_since=now, grace_until=now + GRACE, reminders=0)
    if begun:
        row.refresh_from_db()
        _remind(row)


def _remind(row: Subscription) -> None:
    """Write the mails that are due about a failed renewal, and end the plan after its grace."""
    assert row.overdue_since is not None
    passed = timezone.now() - row.overdue_since
    given_up = row.state == SubscriptionState.UNPAID  # the provider does not try again
    over = passed >= GRACE or given_up
    due = emails.LAST_REMINDER if over else sum(passed >= after for after in REMIND_AFTER)
    number = row.reminders + 1
    if number > due:
        return
    # The mails that were missed while nothing ran are not sent all at once: only the latest.
    with transaction.atomic():
        mine = Subscription.objects.filter(
            pk=row.pk, overdue_since=row.overdue_since, reminders=row.reminders
        ).update(reminders=due)
        if not mine:
            return
        emails.renewal_failed(row, due)
        if over and not given_up:  # one that was given up has lapsed already
            _lapse(row, f"{row.overdue_since:%Y%m%d%H%M%S}")


@shared_task
def remind() -> int:
    """Write the due mails of every overdue subscription; return how many were looked at."""
    rows = Subscription.objects.filter(
        overdue_since__isnull=False, reminders__lt=emails.LAST_REMINDER, duplicate=False
    ).select_related("order", "offer", "account")
    count = 0
    for row in rows.iterator():
        try:
            _remind(row)
        except Exception:  # one bad row must not keep the others from their mail
            log.exception("reminder_failed", subscription=row.pk)
        count += 1
    return count
