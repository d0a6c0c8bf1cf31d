"""Fulfilment: what was paid is delivered once, what was paid back is taken back once.

The row is written in the transaction of the payment. Billing's own handlers run right there; those
of the products run in a task, so that a fault of theirs never undoes a payment.
"""

from datetime import datetime
from typing import Any

import structlog
from celery import shared_task
from django.db import OperationalError, transaction
from django.utils import timezone

from accounts.flows.audit import audited
from accounts.models import User
from billing import handlers
from billing.errors import BillingError
from billing.models import Fulfilment, Order, Payment, Subscription
from common import faults
from common.http import ServiceError
from common.jobs import JobState

log = structlog.get_logger(__name__)

OWN = "billing."


class NotYet(Exception):
    """Something else has to be done first."""


class LeaseLost(Exception):
    """Another worker took over; what was written here must not be kept."""


def deliver(
    order: Order,
    *,
    key: str,
    payment: Payment | None = None,
    subscription: Subscription | None = None,
    entitlement: dict[str, Any],
    period: tuple[datetime | None, datetime | None] = (None, None),
) -> Fulfilment:
    """Deliver what was bought, in the caller's transaction; `key` says what for, and only once."""
    handler = subscription.offer.handler if subscription else order.offer.handler
    return _begin(
        key,
        verb=Fulfilment.Verb.FULFIL,
        cause=Fulfilment.Cause.PAYMENT,
        handler=handler,
        order=order,
        payment=payment,
        subscription=subscription,
        entitlement=entitlement,
        period_start=period[0],
        period_end=period[1],
    )


def take_back(
    delivered: Fulfilment, *, key: str, cause: str, part: int = 0, whole: int = 0
) -> Fulfilment:
    """Take back a delivery, in the caller's transaction, once per `key`.

    `part` of `whole` minor units were paid back so far; as long as it is less, a part is meant.
    """
    return _begin(
        key,
        verb=Fulfilment.Verb.WITHDRAW,
        cause=cause,
        handler=delivered.handler,
        order=delivered.order,
        payment=delivered.payment,
        subscription=delivered.subscription,
        undoes=delivered,
        entitlement=delivered.entitlement,
        part=part,
        whole=whole,
    )


def _begin(key: str, **fields: Any) -> Fulfilment:
    row, created = Fulfilment.objects.get_or_create(dedupe_key=key, defaults=fields)
    if created and not (row.handler.startswith(OWN) and _at_once(row)):
        row.ring()
    return row


def _at_once(row: Fulfilment) -> bool:
    """Do the work inside the transaction of the payment. False: it waits for the task."""
    try:
        with transaction.atomic():
            claimed = Fulfilment.objects.claim(row.pk)
            if claimed is None:
                return True  # waits for nothing: another worker has it
            _work(claimed)
            claimed.finish()
    except OperationalError:
        raise  # the whole transaction is lost, the payment with it: it comes again
    except Exception:
        log.exception("fulfilment_postponed", fulfilment=row.dedupe_key)
        return False
    row.refresh_from_db()
    return True


@shared_task
def run(fulfilment_id: int) -> None:
    """Deliver or take back one thing. Running it twice is harmless."""
    row = Fulfilment.objects.claim(fulfilment_id)
    if row is None:
        return  # Another worker has it, or it is done.
    try:
        with transaction.atomic():
            _work(row)
            faults.point("fulfilment_before_done")
            if not row.finish():
                raise LeaseLost
    except LeaseLost:
        return
    except (NotYet, OperationalError) as error:
        row.finish(error=ServiceError("retry", str(error)))
    except Exception as error:
        log.exception("fulfilment_failed", fulfilment=row.dedupe_key, handler=row.handler)
        row.finish(error=ServiceError("refused", f"{type(error).__name__}: {error}"))


def _work(row: Fulfilment) -> None:
    if row.verb == Fulfilment.Verb.WITHDRAW and not _was_delivered(row):
        return
    handlers.handler(row.handler, row.verb)(row)


def _was_delivered(row: Fulfilment) -> bool:
    """Whether there is something to take back; what was not delivered yet never will be."""
    delivered = row.undoes
    if delivered is None or delivered.state == JobState.SUCCEEDED:
        return delivered is not None
    if delivered.state == JobState.CANCELLED:
        return False
    if row.cause in (Fulfilment.Cause.REFUND, Fulfilment.Cause.DISPUTE) and row.is_total:
        waiting = (JobState.QUEUED, JobState.FAILED, JobState.UNSURE)
        stopped = Fulfilment.objects.filter(pk=delivered.pk, state__in=waiting).update(
            state=JobState.CANCELLED, finished_at=timezone.now(), error="Paid back before it began."
        )
        if stopped:
            return False
    raise NotYet("The delivery itself is not done yet.")


@audited("billing.retry_fulfilment", "state", "attempts", "error")
def retry(row: Fulfilment, *, actor: User, reason: str) -> None:
    """Try a failed fulfilment again. Raises BillingError where it has not failed."""
    waiting = Fulfilment.objects.filter(
        pk=row.pk, state__in=(JobState.FAILED, JobState.UNSURE)
    ).update(state=JobState.QUEUED, attempts=0, run_after=timezone.now(), finished_at=None)
    if not waiting:
        raise BillingError("not_failed", "Only what failed can be tried again.")
    row.ring()
