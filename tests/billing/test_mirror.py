"""The mirror: Stripe's data copied for reading, after the money and never in its way."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from djstripe import models as mirrored
from pytest_django.fixtures import Settings

from accounts.models import Account
from billing.flows import mirror
from billing.gateways.stripe import Stripe
from billing.models import InboxEvent
from common.http import ServiceError
from tests.billing.stripe_orders import offer, order, plan
from tests.fakes.stripe import World, with_stripe

__all__ = ["with_stripe"]
BACK = {"success_url": "https://atelier.example/ok", "cancel_url": "https://atelier.example/no"}


@pytest.fixture
def sold(account: Account, with_stripe: World) -> World:
    """A Stripe where a poster was paid, and partly paid back, and then disputed."""
    ref = Stripe().create(order(account, offer()), **BACK).ref
    with_stripe.pay(ref)
    intent = with_stripe.all("payment_intent")[0]["id"]
    with_stripe.refund_in_dashboard(intent, 500)
    with_stripe.win(with_stripe.dispute(intent)["id"])
    return with_stripe


@pytest.fixture
def subscribed(account: Account, with_stripe: World) -> World:
    """A Stripe where a subscription was begun, renewed, left unpaid, paid and ended."""
    ref = Stripe().create(order(account, plan()), **BACK).ref
    subscription = with_stripe.pay(ref)["subscription"]
    with_stripe.renew(subscription)
    with_stripe.pay_invoice(with_stripe.renew(subscription, paid=False)["id"])
    with_stripe.cancel(subscription)
    return with_stripe


def inbox(event: dict[str, Any], **values: Any) -> InboxEvent:
    """Return an event as the webhook stores it and the worker leaves it."""
    fields = {
        "gateway": "stripe",
        "event_id": event["id"],
        "type": event["type"],
        "body": json.dumps(event),
        "dedupe_key": f"stripe:{event['id']}",
        "state": "succeeded",
        "finished_at": timezone.now(),
    } | values
    return InboxEvent.objects.create(**fields)


def feed_all(world: World) -> None:
    """Feed every event of a world, in order."""
    for event in world.events:
        row = inbox(event)
        mirror.feed(row)
        row.refresh_from_db()
        assert row.mirrored_at is not None


def test_a_paid_poster_can_be_read_in_the_mirror(sold: World) -> None:
    feed_all(sold)
    session = mirrored.Session.objects.get()
    assert session.stripe_data["payment_status"] == "paid"
    assert session.payment_intent.stripe_data["amount"] == 4999
    assert session.customer.email == "owner@example.org"
    assert mirrored.Refund.objects.get().stripe_data["amount"] == 500
    assert mirrored.Dispute.objects.get().stripe_data["status"] == "won"
    assert mirrored.Charge.objects.get().amount == Decimal("49.99")
    assert mirrored.Event.objects.count() == len(sold.events)


def test_a_subscription_and_its_invoices_can_be_read_in_the_mirror(subscribed: World) -> None:
    feed_all(subscribed)
    subscription = mirrored.Subscription.objects.get()
    assert subscription.stripe_data["status"] == "canceled"
    assert mirrored.Invoice.objects.count() == 3
    assert {one.stripe_data["status"] for one in mirrored.Invoice.objects.all()} == {"paid"}
    assert mirrored.Price.objects.get().stripe_data["lookup_key"] == "marketing-basic-v1"
    assert mirrored.LineItem.objects.count() == 3


def test_no_key_of_ours_and_no_secret_gets_into_the_tables(sold: World) -> None:
    feed_all(sold)
    assert [row.secret for row in mirrored.APIKey.objects.all()] == ["sk_test_" + "mirror" * 4]
    assert not mirrored.WebhookEndpoint.objects.exists()
    assert not mirrored.WebhookEventTrigger.objects.exists()
    for model in (mirrored.APIKey, mirrored.Account, mirrored.Event, mirrored.Customer):
        for row in model.objects.values():
            assert sold.key not in str(row)


def test_it_only_reads(sold: World) -> None:
    before = [call for call in sold.front.calls if call[0] != "GET"]
    gone = sold.all("customer")[0]
    sold.emit("customer.deleted", gone)
    feed_all(sold)
    assert [call for call in sold.front.calls if call[0] != "GET"] == before


def test_the_database_waits_for_nothing(
    transactional_db: None, sold: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = []
    admit = sold.front._admit

    def watch(headers: Any) -> None:
        inside.append(connection.in_atomic_block)
        admit(headers)

    monkeypatch.setattr(sold.front, "_admit", watch)
    feed_all(sold)
    assert inside
    assert not any(inside)


def test_an_event_is_copied_once(sold: World) -> None:
    row = inbox(sold.named("checkout.session.completed")[0])
    mirror.feed(row)
    before = len(sold.front.calls)
    mirror.feed(row)
    InboxEvent.objects.filter(pk=row.pk).update(mirrored_at=None)
    assert mirror.mirror(row.pk)
    assert len(sold.front.calls) == before
    assert mirrored.Event.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"api_version": "2019-02-19"},
        {"api_version": None},
        {"type": "something.entirely_new"},
        {"type": "invoice.upcoming", "data": {"object": {"object": "invoice"}}},
        {"request": None},
        {"request": "req_old"},
    ],
    ids=["old version", "no version", "unknown type", "no id", "no request", "old request"],
)
def test_odd_events_do_no_harm(sold: World, change: dict[str, Any]) -> None:
    mirror.feed(inbox(sold.named("checkout.session.completed")[0] | change))
    assert mirrored.Event.objects.count() == 1


def test_an_object_that_is_gone_is_left_out(sold: World) -> None:
    event = sold.named("charge.dispute.created")[0]
    del sold.objects[event["data"]["object"]["id"]]
    mirror.feed(inbox(event))
    assert not mirrored.Dispute.objects.exists()


def test_a_stripe_that_is_down_is_caught_up_with_later(
    sold: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = timezone.now() - mirror.PAUSE * 2
    row = inbox(sold.named("checkout.session.completed")[0], finished_at=long_ago)
    sold.fault(".", "500", times=100)
    with pytest.raises(ServiceError) as failed:
        mirror.feed(row)
    assert failed.value.kind == "retry"
    assert not mirror.mirror(row.pk)
    assert not mirrored.Event.objects.exists()
    sold.front.faults.clear()
    assert mirror.catch_up() == 1
    assert mirror.catch_up() == 0
    row.refresh_from_db()
    assert row.mirrored_at is not None


def test_data_nobody_understands_does_not_reach_the_money(sold: World) -> None:
    event = sold.named("checkout.session.completed")[0] | {"data": {"object": {"id": "cs_x"}}}
    row = inbox(event | {"type": "charge.succeeded", "created": "not a time"})
    assert not mirror.mirror(row.pk)


def test_what_is_not_stripes_or_was_emptied_is_left_alone(sold: World) -> None:
    event = sold.events[0]
    mirror.feed(inbox(event, gateway="sandbox"))
    mirror.feed(inbox(sold.events[1], body=""))
    assert not mirrored.Event.objects.exists()


def test_a_restricted_key_may_not_see_its_own_account_and_need_not(
    sold: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold.fault("/v1/account$", "403", times=9)
    feed_all(sold)
    assert mirrored.Account.objects.get().id == "acct_unknown"
    assert mirrored.Session.objects.exists()
