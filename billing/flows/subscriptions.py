"""Subscriptions: kept as the provider has them; each paid invoice delivers one period.

A failed renewal does not end a plan at once: it goes on for a grace of 14 days, with a mail at
once, after 3 and 7 days, and at the end.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import structlog
from celery import shared_task
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from billing import emails, gateways
from billing.errors import BillingError
from billing.flows import differences, fulfilment, invoices, settle, tax
from billing.gateways.contract import InvoiceSnapshot, Kind, NotFound, SubscriptionSnapshot
from billing.models import (
    FIRST_GRACE,
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
from common.http import ServiceError

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


class Before(NamedTuple):
    """How a subscription stood before an answer of the provider's."""

    price_id: int
    state: str
    duplicate: bool


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
        if Subscription.objects.filter(order=order).exclude(ref=snapshot.ref).exists():
            words = f"a second subscription of order {order.uuid}"
            differences.note(Difference.Kind.UNKNOWN, snapshot.ref, gateway=gateway, actual=words)
            return "not ours"
        row, created = Subscription.objects.get_or_create(
            gateway=gateway,
            ref=snapshot.ref,
            defaults=_first(order, asked_at),
        )
        row = Subscription.objects.select_for_update().get(pk=row.pk)
        before = Before(row.price_id, row.state, row.duplicate)
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
    runs = snapshot.state in (SubscriptionState.ACTIVE, SubscriptionState.TRIALING)
    if runs or snapshot.state in ENDED:
        fields |= {"overdue_since": None, "grace_until": None, "reminders": 0}
    if runs and row.overdue_since is not None:  # paid at the last moment
        fields["to_end"] = False
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


def _follow(order: Order, row: Subscription, *, before: Before, created: bool) -> None:
    """Do what a change of the subscription asks for."""
    moment = f"{row.asked_at:%Y%m%d%H%M%S%f}"  # a change may come back: each is one of its own
    if row.state == SubscriptionState.TRIALING:
        order.move(OrderState.PAID, paid_at=timezone.now())
        _give(row, f"trial:{row.gateway}:{row.ref}")
    elif row.state == SubscriptionState.PAST_DUE:
        _overdue(row)
    elif row.state in OVER and before.state not in OVER:
        _lapse(row, moment)
        if row.overdue_since is not None:
            _remind(row)
    if row.state == SubscriptionState.INCOMPLETE_EXPIRED:
        order.move(OrderState.EXPIRED)
    if before.duplicate and not row.duplicate:
        _catch_up(row)
    changed = not created and row.price_id != before.price_id
    if changed and row.state in (SubscriptionState.ACTIVE, SubscriptionState.TRIALING):
        _give(row, f"change:{row.gateway}:{row.ref}:{moment}")


def _catch_up(row: Subscription) -> None:
    """Deliver what was paid while another plan of the family stood in the way."""
    for payment in row.payments.filter(
        state=PaymentState.SUCCEEDED, amount__gt=0, fulfilments__isnull=True
    ).order_by("pk"):
        fulfilment.deliver(
            row.order,
            key=f"invoice:{row.gateway}:{payment.invoice_ref}",
            payment=payment,
            subscription=row,
            entitlement=row.price.entitlement,
            period=(row.period_start, row.period_end),
        )
    for difference in Difference.objects.filter(
        kind=Difference.Kind.DOUBLE, gateway=row.gateway, ref=row.ref
    ):
        differences.repaired(difference, "Delivered: the other plan has ended.")


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
        tax=_tax_in(order, row, snapshot),
        # Another payment than the one that failed first, or none where it was paid by hand.
        ref=snapshot.payment.ref if snapshot.payment else snapshot.ref,
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


def _tax_in(order: Order, row: Subscription, snapshot: InvoiceSnapshot) -> int:
    """Return the tax inside what was paid: the provider's, or ours where it works none out."""
    if settings.STRIPE_TAX:
        return snapshot.tax
    country = str(order.buyer.get("country", ""))
    lines = tax.inside(snapshot.amount, country=country, ships=row.offer.ships)
    return sum(line.amount for line in lines)


def _received(order: Order, row: Subscription, payment: Payment, snapshot: InvoiceSnapshot) -> None:
    order.move(OrderState.PAID, paid_at=timezone.now())
    if row.duplicate:
        differences.note(
            Difference.Kind.DOUBLE,
            row.ref,
            gateway=row.gateway,
            expected="one plan of the family",
            actual=f"{row.offer.code} paid beside it",
        )
    elif snapshot.reason in ("create", "cycle", "update"):
        fulfilment.deliver(
            order,
            key=f"invoice:{row.gateway}:{snapshot.ref}",
            payment=payment,
            subscription=row,
            entitlement=_bought(row, payment, snapshot),
            period=(
                snapshot.period_start or row.period_start,
                snapshot.period_end or row.period_end,
            ),
        )
    faults.point("delivery_before_invoice")
    if payment.amount:
        issued = invoices.issue(payment, number=snapshot.number)
        emails.receipt(payment, issued)
    faults.point("settle_before_commit")


def _bought(row: Subscription, payment: Payment, snapshot: InvoiceSnapshot) -> dict[str, Any]:
    """Return what an invoice pays for: a period, or for a change the part that was paid of it.

    So nobody makes coins by changing to and fro: what was credited for the old plan gives none.
    """
    price = _price_of(row.gateway, snapshot.price_ref, row)
    entitlement: dict[str, Any] = price.entitlement
    coins = entitlement.get("coins", 0)
    if snapshot.reason == "update" and coins:
        paid = min(payment.amount, price.amount)
        return {**entitlement, "coins": coins * paid // price.amount}
    return entitlement


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
    """Begin the grace of a payment that failed, and tell the buyer; once for each failure."""
    now = timezone.now()
    paid_before = row.payments.filter(state=PaymentState.SUCCEEDED, amount__gt=0).exists()
    begun = Subscription.objects.filter(
        ~Q(state__in=ENDED), pk=row.pk, overdue_since__isnull=True, duplicate=False, to_end=False
    ).update(
        overdue_since=now,
        grace_until=now + (GRACE if paid_before else FIRST_GRACE),
        reminders=0,
    )
    if begun:
        row.refresh_from_db()
        _remind(row)


def _remind(row: Subscription) -> None:
    """Write the mail that is due about a failed payment, and end the plan after its grace."""
    assert row.overdue_since is not None
    assert row.grace_until is not None
    now = timezone.now()
    # The provider may have given up before.
    over = now >= row.grace_until or row.state == SubscriptionState.UNPAID
    passed = now - row.overdue_since
    due = emails.LAST_REMINDER if over else sum(passed >= after for after in REMIND_AFTER)
    if row.reminders >= due:
        return
    # The mails that were missed while nothing ran are not sent all at once: only the latest.
    with transaction.atomic():
        Order.objects.select_for_update().get(pk=row.order_id)
        mine = Subscription.objects.filter(
            pk=row.pk, overdue_since=row.overdue_since, reminders=row.reminders
        ).update(reminders=due)
        if not mine:
            return
        emails.renewal_failed(row, due)
        if over:
            end(row)


# --- Ending -----------------------------------------------------------------------------------
def end(row: Subscription) -> None:
    """End a plan now, in the caller's transaction; the provider is asked to end it too.

    Until it has, the account may buy another plan, and what the old one costs is not its own.
    """
    if Subscription.objects.filter(pk=row.pk, to_end=False).update(to_end=True):
        row.to_end = True
        _lapse(row, f"{timezone.now():%Y%m%d%H%M%S%f}")
        transaction.on_commit(partial(_ring_end, row.pk))


def _ring_end(pk: int) -> None:
    try:
        end_at_provider.delay(pk)
    except OperationalError as error:
        log.warning("end_not_rung", subscription=pk, error=str(error))  # `remind` does it


@shared_task
def end_at_provider(subscription_id: int) -> None:
    """Ask the provider to end a plan that is over for us, and keep its answer. May be repeated."""
    row = Subscription.objects.filter(pk=subscription_id, to_end=True).first()
    if row is None or row.state in ENDED:
        return
    try:
        gateways.by_code(row.gateway).cancel(Kind.SUBSCRIPTION, row.ref)
        sync(row.gateway, row.ref)
    except (ServiceError, NotFound, BillingError) as error:
        log.warning("not_ended_yet", subscription=row.pk, error=str(error))


@shared_task
def remind() -> int:
    """Write the due mails of every overdue plan, and end at the provider what is over for us.

    Returns how many plans were looked at.
    """
    overdue = Subscription.objects.filter(
        overdue_since__isnull=False, reminders__lt=emails.LAST_REMINDER, duplicate=False
    ).select_related("order", "offer", "account")
    count = 0
    for row in overdue.iterator():
        try:
            _remind(row)
        except Exception:  # one bad row must not keep the others from their mail
            log.exception("reminder_failed", subscription=row.pk)
        count += 1
    over = Subscription.objects.filter(to_end=True).exclude(state__in=ENDED)
    for pk in over.values_list("pk", flat=True):
        end_at_provider(pk)
        count += 1
    return count
