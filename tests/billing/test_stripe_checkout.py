"""Stripe: what is sold there, exactly once, and what the buyer is shown."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from accounts.models import Account
from billing.errors import BillingError
from billing.flows import prices
from billing.gateways.contract import CheckoutSnapshot, Kind, SubscriptionSnapshot
from billing.gateways.stripe import Stripe
from billing.models import Customer, GatewayPrice, Order, Price
from common.http import ServiceError
from tests.billing.stripe_orders import offer, order, plan
from tests.fakes.stripe import World, with_stripe

__all__ = ["with_stripe"]
BACK = {
    "success_url": "https://atelier.example/orders/1?new=1",
    "cancel_url": "https://atelier.example/pricing",
}


def session_of(world: World, order: Order, **more: Any) -> dict[str, Any]:
    """Create the checkout of an order, and return Stripe's session."""
    return world.objects[Stripe().create(order, **BACK | more).ref]


def test_a_one_off_is_charged_exactly_the_orders_total(
    account: Account, with_stripe: World
) -> None:
    bought = order(account, offer(includes_tax=False), tax=950)
    session = session_of(with_stripe, bought)
    assert session["amount_total"] == 5949
    assert session["mode"] == "payment"
    assert session["client_reference_id"] == str(bought.uuid) == session["metadata"]["order"]
    assert session["success_url"].endswith("/orders/1?new=1&session_id={CHECKOUT_SESSION_ID}")
    with_stripe.pay(session["id"])
    intent = with_stripe.all("payment_intent")[0]
    assert intent["metadata"] == {"order": str(bought.uuid)}


def test_the_start_says_where_to_go_and_until_when(account: Account, with_stripe: World) -> None:
    started = Stripe().create(order(account, offer()), **BACK)
    assert started.url.startswith("https://checkout.stripe.com/")
    assert started.expires_at is not None
    assert started.expires_at.tzinfo is not None


def test_the_same_attempt_is_one_session_and_the_next_another(
    account: Account, with_stripe: World
) -> None:
    bought = order(account, offer())
    first, second = (Stripe().create(bought, **BACK).ref for _ in range(2))
    bought.attempt = 2
    assert first == second != Stripe().create(bought, **BACK).ref
    assert len(with_stripe.all("checkout.session")) == 2


def test_an_answer_that_was_lost_leaves_one_session(account: Account, with_stripe: World) -> None:
    with_stripe.fault("/checkout/sessions", "drop", times=2)
    Stripe().create(order(account, offer()), **BACK)
    assert len(with_stripe.all("checkout.session")) == 1


def test_an_account_has_one_customer_for_all_its_orders(
    account: Account, with_stripe: World
) -> None:
    for _ in range(2):
        Stripe().create(order(account, offer(code=f"p{Order.objects.count()}")), **BACK)
    made = with_stripe.all("customer")
    assert [one["email"] for one in made] == ["owner@example.org"]
    assert Customer.objects.get(account=account).ref == made[0]["id"]


def test_a_customer_lost_on_the_way_back_is_not_made_twice(
    account: Account, with_stripe: World
) -> None:
    with_stripe.fault("/v1/customers$", "drop", times=3)
    with pytest.raises(ServiceError) as failed:
        Stripe().create(order(account, offer()), **BACK)
    assert failed.value.kind == "retry"
    Stripe().create(order(account, offer(code="p2"), buyer={"email": "x@example.org"}), **BACK)
    assert len(with_stripe.all("customer")) == 1


def test_a_customer_deleted_at_stripe_is_made_anew_at_the_next_try(
    account: Account, with_stripe: World
) -> None:
    Customer.objects.create(account=account, gateway="stripe", ref="cus_deleted")
    bought = order(account, offer())
    with pytest.raises(ServiceError) as failed:
        Stripe().create(bought, **BACK)
    assert failed.value.kind == "retry"
    Stripe().create(bought, **BACK)
    assert Customer.objects.get().ref == with_stripe.all("customer")[0]["id"]


def test_a_subscription_is_sold_at_its_price_and_carries_the_order(
    account: Account, with_stripe: World
) -> None:
    bought = order(account, plan())
    session = session_of(with_stripe, bought)
    with_stripe.pay(session["id"])
    found = Stripe().fetch(Kind.CHECKOUT, session["id"])
    assert isinstance(found, CheckoutSnapshot)
    subscription = Stripe().fetch(Kind.SUBSCRIPTION, found.subscription_ref)
    assert isinstance(subscription, SubscriptionSnapshot)
    assert subscription.order_uuid == str(bought.uuid)
    assert subscription.price_ref == GatewayPrice.objects.get(price=bought.price).ref
    assert subscription.state == "active"


def test_a_trial_begins_without_money(account: Account, with_stripe: World) -> None:
    session = session_of(with_stripe, order(account, plan(trial_days=14)))
    assert session["amount_total"] == 0
    with_stripe.pay(session["id"])
    found = Stripe().fetch(Kind.SUBSCRIPTION, session["subscription"])
    assert isinstance(found, SubscriptionSnapshot)
    assert found.state == "trialing"
    assert found.trial_end is not None
    assert found.trial_end == found.period_end


def test_a_subscription_without_its_tax_is_refused_unless_stripe_adds_it(
    account: Account, with_stripe: World, settings: Settings
) -> None:
    bought = order(account, plan(includes_tax=False), tax=500)
    with pytest.raises(ServiceError, match="must include the tax") as failed:
        Stripe().create(bought, **BACK)
    assert failed.value.kind == "refused"
    settings.STRIPE_TAX = True
    assert session_of(with_stripe, bought)["automatic_tax"]["enabled"]
    assert with_stripe.all("price")[0]["tax_behavior"] == "exclusive"


def test_stripe_tax_is_asked_for_one_offs_too(
    account: Account, with_stripe: World, settings: Settings
) -> None:
    settings.STRIPE_TAX = True
    session = session_of(with_stripe, order(account, offer(tax_code="txcd_10000000")))
    assert session["automatic_tax"]["enabled"]
    assert session["line_items"]["data"][0]["price"]["tax_behavior"] == "inclusive"


def test_with_stripe_tax_our_own_tax_is_not_charged_as_well(
    account: Account, with_stripe: World, settings: Settings
) -> None:
    settings.STRIPE_TAX = True
    assert (
        session_of(with_stripe, order(account, offer(includes_tax=False), tax=950))["amount_total"]
        == 4999
    )


def test_prices_are_brought_to_stripe_once(db: None, with_stripe: World) -> None:
    offer()
    plan()
    first, second = prices.sync(), prices.sync()
    assert sorted(line.split(":")[0] for line in first) == ["marketing-basic-v1", "poster-v1"]
    assert second == []
    made = {one["lookup_key"]: one for one in with_stripe.all("price")}
    assert made["marketing-basic-v1"]["recurring"]["interval"] == "month"
    assert made["poster-v1"]["product"] == "atelier-poster"


def test_a_price_made_elsewhere_is_found_by_its_lookup_key(db: None, with_stripe: World) -> None:
    prices_before = offer().price
    assert prices_before is not None
    ref = Stripe().ensure_price(prices_before)
    GatewayPrice.objects.all().delete()
    assert Stripe().ensure_price(prices_before) == ref
    assert len(with_stripe.all("price")) == 1


def test_a_new_version_of_a_price_is_another_price_of_the_same_product(
    db: None, with_stripe: World
) -> None:
    made = plan()
    prices.sync()
    made.price = Price.objects.create(offer=made, amount=5999, interval="month")
    made.save()
    assert [line.split(":")[0] for line in prices.sync()] == ["marketing-basic-v2"]
    assert len(with_stripe.all("product")) == 1


def test_another_amount_under_the_same_lookup_key_is_refused(db: None, with_stripe: World) -> None:
    made = plan()
    prices.sync()
    GatewayPrice.objects.all().delete()
    with_stripe.all("price")[0]["unit_amount"] = 1
    assert made.price is not None
    with pytest.raises(ServiceError, match="another price") as failed:
        Stripe().ensure_price(made.price)
    assert failed.value.kind == "refused"


def test_a_price_switched_off_at_stripe_is_refused(db: None, with_stripe: World) -> None:
    made = plan()
    prices.sync()
    GatewayPrice.objects.all().delete()
    with_stripe.all("price")[0]["active"] = False
    assert made.price is not None
    with pytest.raises(ServiceError, match="switched off"):
        Stripe().ensure_price(made.price)


def test_the_command_says_what_is_new_and_what_is_missing(
    db: None, with_stripe: World, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    offer()
    call_command("sync_prices")
    assert "poster-v1" in capsys.readouterr().out
    call_command("sync_prices")
    assert capsys.readouterr().out == "0 new.\n"
    settings.STRIPE_API_KEY = ""
    with pytest.raises(CommandError, match="STRIPE_API_KEY"):
        call_command("sync_prices")
    with pytest.raises(BillingError):
        prices.sync()


def test_the_portal_opens_for_a_customer(account: Account, with_stripe: World) -> None:
    Stripe().create(order(account, offer()), **BACK)
    url = Stripe().portal_url(Customer.objects.get().ref, "https://atelier.example/account")
    assert url.startswith("https://billing.stripe.com/")
