"""Stripe from end to end: our flows, the real client, signed webhooks, the mirror afterwards."""

import random
from typing import Any

import pytest
from django.urls import reverse
from djstripe import models as mirrored

from billing.flows import inbox
from billing.models import InboxEvent, Order, Payment, Subscription
from tests.billing.conftest import Buy
from tests.fakes.stripe import World, with_stripe
from tests.fakes.stripe.world import Hook

__all__ = ["with_stripe"]


def hear(world: World, capture: Any, events: list[dict[str, Any]] | None = None) -> None:
    """Receive events as the webhook does, and do all that they set off."""
    for event in events if events is not None else world.events:
        body = world.payload(event)
        with capture(execute=True):
            inbox.receive("stripe", body, {"Stripe-Signature": world.sign(body)})


def state_of(order: Order) -> tuple[Any, ...]:
    """Return what an order came to."""
    order.refresh_from_db()
    payments = Payment.objects.filter(order=order).order_by("created_at", "pk")
    subscription = Subscription.objects.filter(order=order).first()
    return (
        order.state,
        sorted((row.state, row.amount, row.refunded) for row in payments),
        subscription and (subscription.state, subscription.period_end),
        sorted(order.fulfilments.values_list("verb", "cause", "state")),
        order.invoices.count(),
    )


def test_a_top_up_is_paid_delivered_and_mirrored(
    with_stripe: World, place: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    order = place("writing-topup-10")
    with_stripe.pay(order.checkout_ref or "")
    hear(with_stripe, django_capture_on_commit_callbacks)
    state, payments, _, fulfilments, invoices = state_of(order)
    assert (state, invoices) == ("paid", 1)
    assert payments == [("succeeded", order.total, 0)]
    assert fulfilments == [("fulfil", "payment", "succeeded")]
    assert mirrored.Session.objects.get().id == order.checkout_ref
    assert not InboxEvent.objects.filter(mirrored_at__isnull=True).exists()


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_events_ends_the_same(
    with_stripe: World, place: Buy, django_capture_on_commit_callbacks: Any, seed: int
) -> None:
    order = place("writing-topup-10")
    with_stripe.decline(order.checkout_ref or "")
    with_stripe.pay(order.checkout_ref or "")
    intent = with_stripe.all("payment_intent")[0]["id"]
    with_stripe.refund_in_dashboard(intent, order.total // 2)
    shuffled = with_stripe.events * 2
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - no secret
    hear(with_stripe, django_capture_on_commit_callbacks, shuffled)
    state, payments, _, fulfilments, _ = state_of(order)
    assert state == "partly_refunded"
    assert payments == [("succeeded", order.total, order.total // 2)]
    assert len(fulfilments) == 2


def test_a_trial_is_begun_charged_left_unpaid_and_paid(
    with_stripe: World, place: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    order = place("campaigns-starter")
    with_stripe.pay(order.checkout_ref or "")
    capture = django_capture_on_commit_callbacks
    hear(with_stripe, capture)
    row = Subscription.objects.get(order=order)
    assert row.state == "trialing"
    with_stripe.renew(row.ref)
    hear(with_stripe, capture)
    row.refresh_from_db()
    assert row.state == "active"
    bill = with_stripe.renew(row.ref, paid=False)
    hear(with_stripe, capture)
    row.refresh_from_db()
    assert row.state == "past_due"
    assert row.grace_until is not None
    with_stripe.pay_invoice(bill["id"])
    hear(with_stripe, capture)
    row.refresh_from_db()
    assert (row.state, row.grace_until) == ("active", None)
    assert Payment.objects.filter(order=order, state="succeeded").count() == 2


def test_webhooks_come_in_by_the_door_twice_and_in_any_order(
    transactional_db: None, with_stripe: World, place: Buy, live_server: Any
) -> None:
    order = place("writing-topup-10")
    with_stripe.pay(order.checkout_ref or "")
    with_stripe.register(live_server.url + reverse("billing:stripe-webhook"))
    assert set(with_stripe.deliver(copies=2, seed=7)) == {200}
    assert InboxEvent.objects.count() == len(with_stripe.events)
    assert state_of(order)[:2] == ("paid", [("succeeded", order.total, 0)])
    with_stripe.hooks[0] = Hook(with_stripe.hooks[0].url, "whsec_other")
    assert set(with_stripe.deliver()) == {400}
