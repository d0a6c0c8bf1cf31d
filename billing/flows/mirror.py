"""The mirror: Stripe's own data in dj-stripe's tables, to be read and never to be acted on.

Runs after the money is settled. What fails is logged and tried again; money never waits for it.
"""

import json
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from djstripe.models import Event, Refund

from billing.gateways.stripe import Stripe
from billing.gateways.stripe.reading import placeholder_key, read_through
from billing.models import InboxEvent

log = structlog.get_logger(__name__)

PAUSE = timedelta(minutes=5)  # before what was not mirrored at once is tried again
PATIENCE = timedelta(days=3)  # afterwards the mirror stays without it


def feed(event: InboxEvent) -> None:
    """Copy what an event of Stripe's is about. Harmless to repeat.

    Raises common.http.ServiceError, and whatever dj-stripe makes of data it does not understand.
    """
    if event.gateway != Stripe.code or event.mirrored_at or not event.body:
        return
    data = json.loads(event.body)
    key = placeholder_key(live=bool(data.get("livemode")))
    read_through(partial(_copy, data, key))
    event.mirrored_at = timezone.now()
    InboxEvent.objects.filter(pk=event.pk).update(mirrored_at=event.mirrored_at)


def _copy(data: dict[str, Any], key: str) -> None:
    with transaction.atomic():
        Event.process(data, api_key=key)
        if data["type"].startswith(("refund.", "charge.refund.")):
            # dj-stripe has the table, but does nothing when it hears of a refund.
            found = Refund(id=data["data"]["object"]["id"]).api_retrieve(api_key=key)
            Refund.sync_from_stripe_data(found, api_key=key)


@shared_task
def mirror(event_pk: int) -> bool:
    """Copy one event; False where it did not work, which is logged and caught up with later."""
    event = InboxEvent.objects.filter(pk=event_pk).first()
    if event is None or not settings.STRIPE_API_KEY:
        return False
    try:
        feed(event)
    except Exception as error:  # whatever happens in a copy must not reach the money
        log.warning("mirror_failed", id=event.event_id, type=event.type, error=repr(error))
        return False
    return True


@shared_task
def catch_up(most: int = 200) -> int:
    """Try again what was settled but not mirrored. Return how many events were copied."""
    now = timezone.now()
    waiting = InboxEvent.objects.filter(
        gateway=Stripe.code,
        state="succeeded",
        mirrored_at__isnull=True,
        finished_at__range=(now - PATIENCE, now - PAUSE),
    ).exclude(body="")
    return sum(mirror(pk) for pk in waiting.order_by("pk").values_list("pk", flat=True)[:most])
