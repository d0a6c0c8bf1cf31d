"""Inbox: a provider's event is stored and answered at once, and worked on afterwards."""

from collections.abc import Mapping
from datetime import timedelta

import structlog
from celery import shared_task
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.flows.audit import audited
from accounts.models import User
from billing import gateways
from billing.errors import BillingError
from billing.flows import events, mirror
from billing.gateways.contract import NotFound
from billing.models import InboxEvent
from common import faults
from common.errors import UserError
from common.http import ServiceError
from common.jobs import JobState

log = structlog.get_logger(__name__)

KEEP_BODIES = timedelta(days=90)


def receive(gateway: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Store a signed event; a repeat is no new row. Return whether it was new.

    Nothing unsigned or too large is stored. Raises UserError, BadSignature, BillingError.
    """
    if len(body) > settings.WEBHOOK_BODY_LIMIT:
        raise UserError("body_too_large", "The event is too large.", status=413)
    provider = gateways.by_code(gateway)
    provider.verify(body, headers)
    try:
        event = provider.parse_event(body)
    except ValueError:
        raise UserError("invalid_event", "This is not an event.") from None
    # One INSERT that does nothing for a repeat: deliveries of one event may come side by side.
    InboxEvent.objects.bulk_create(
        [
            InboxEvent(
                gateway=gateway,
                event_id=event.id,
                dedupe_key=f"{gateway}:{event.id}",
                type=event.type,
                about=" ".join(ref for _, ref in event.about)[:255],
                body=body.decode(),
                max_attempts=InboxEvent.TRIES,
            )
        ],
        ignore_conflicts=True,
    )
    row = InboxEvent.objects.only("pk", "attempts").get(gateway=gateway, event_id=event.id)
    faults.point("event_before_ring")
    if row.attempts == 0:
        row.ring()
    return row.attempts == 0


@shared_task
def work(event_id: int) -> None:
    """Apply one stored event. Running it twice is harmless."""
    row = InboxEvent.objects.claim(event_id)
    if row is None:
        return  # Another worker has it, or it is done.
    try:
        outcome = _apply(row)
    except ServiceError as error:
        # We only asked: whatever went wrong, asking again is safe.
        row.finish(error=ServiceError("retry", str(error)))
    except BillingError as error:
        row.finish(error=ServiceError("retry", error.message))
    except Exception as error:
        log.exception("event_failed", event=row.event_id, type=row.type)
        row.finish(error=ServiceError("retry", f"{type(error).__name__}: {error}"))
    else:
        faults.point("event_before_done")
        row.finish(outcome=outcome[:200])
        _mirror(row)


def _apply(row: InboxEvent) -> str:
    provider = gateways.by_code(row.gateway)
    outcomes = []
    for kind, ref in provider.parse_event(row.body.encode()).about:
        try:
            outcomes.append(f"{kind}: {events.apply(row.gateway, kind, ref)}")
        except NotFound:
            outcomes.append(f"{kind}: not there")
    return "; ".join(outcomes) or "nothing to do"


def _mirror(row: InboxEvent) -> None:
    """Have Stripe's data copied for reading; where the broker is down, `catch_up` does it later."""
    if row.gateway != "stripe":
        return
    try:
        mirror.mirror.delay(row.pk)
    except OperationalError as error:
        log.warning("mirror_not_rung", event=row.event_id, error=str(error))


@audited("billing.replay_event", "state", "attempts", "outcome")
def replay(row: InboxEvent, *, actor: User, reason: str) -> None:
    """Apply a stored event once more. Raises BillingError: its body is gone, or it is running."""
    if not row.body:
        raise BillingError("emptied", "The body of this event is not kept any more.")
    ready = InboxEvent.objects.filter(pk=row.pk).exclude(
        state__in=(JobState.RUNNING, JobState.QUEUED)
    )
    if not ready.update(
        state=JobState.QUEUED, attempts=0, run_after=timezone.now(), finished_at=None
    ):
        raise BillingError("under_way", "This event is being worked on already.")
    row.ring()


@shared_task
def empty_old() -> int:
    """Forget the bodies of events that are long done; they hold names and addresses."""
    old = InboxEvent.objects.filter(
        state=JobState.SUCCEEDED, created_at__lt=timezone.now() - KEEP_BODIES
    ).exclude(body="")
    return old.update(body="")
