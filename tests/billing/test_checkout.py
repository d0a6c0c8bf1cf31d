"""From an offer to the provider's page, once however often the button is pressed."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from billing import gateways
from billing.errors import BillingError
from billing.flows import checkout, sandbox
from billing.models import GatewayPrice, Offer, Order, OrderState, SandboxObject
from tests.billing.conftest import Buy

pytestmark = pytest.mark.django_db


def order_of(account: Account, offer: Offer, key: str = "form-1", **values: Any) -> Order:
    return checkout.place(
        offer,
        account=account,
        buyer={"email": " Buyer@Example.org ", "country": "US"},
        idempotency_key=key,
        **values,
    )


def test_the_same_form_sent_twice_is_one_order_and_one_page(
    account: Account, offers: dict[str, Offer]
) -> None:
    first = order_of(account, offers["prompts-basic"])
    again = order_of(account, offers["prompts-basic"])
    assert first == again
    assert checkout.start(first) == checkout.start(again) == checkout.start(again)
    assert SandboxObject.objects.filter(kind="checkout").count() == 1
    assert first.buyer["email"] == "buyer@example.org"


def test_a_form_used_for_another_offer_is_refused(
    account: Account, offers: dict[str, Offer]
) -> None:
    order_of(account, offers["prompts-basic"])
    with pytest.raises(BillingError, match="Load it again"):
        order_of(account, offers["prompts-pro"])


def test_the_price_is_ours_and_frozen(account: Account, offers: dict[str, Offer]) -> None:
    order = order_of(account, offers["prompts-basic"])
    assert (order.total, order.quote["lines"]) == (900, [{"name": "Basic key", "amount": 900}])


def test_what_is_not_published_cannot_be_bought(account: Account, offers: dict[str, Offer]) -> None:
    offer = offers["prompts-basic"]
    offer.published = False
    with pytest.raises(BillingError, match="not for sale"):
        order_of(account, offer)


def test_without_a_provider_nothing_is_sold_and_the_site_runs(
    account: Account, offers: dict[str, Offer], settings: Any, client: Client
) -> None:
    settings.IS_PRODUCTION = True
    assert gateways.configured() == []
    with pytest.raises(BillingError, match="not set up"):
        checkout.start(order_of(account, offers["prompts-basic"]))
    assert client.get("/account/login/").status_code == 200


def test_an_order_that_ended_gets_a_new_page_and_the_old_one_is_closed(
    place: Buy,
) -> None:
    order = place("prompts-basic")
    old = order.checkout_ref
    order.move(OrderState.FAILED)
    checkout.start(order)
    assert order.state == OrderState.OPEN
    assert order.checkout_ref != old
    assert SandboxObject.objects.get(ref=old).data["state"] == "expired"


def test_a_paid_order_cannot_be_paid_or_cancelled_again(buy: Buy) -> None:
    order = buy("prompts-basic")
    order.refresh_from_db()
    for act in (checkout.start, checkout.cancel):
        with pytest.raises(BillingError):
            act(order)


def test_giving_up_puts_an_exclusive_thing_on_sale_again(
    place: Buy, offers: dict[str, Offer]
) -> None:
    Offer.objects.filter(code="prompts-basic").update(exclusive=True)
    offers["prompts-basic"].refresh_from_db()
    checkout.cancel(place("prompts-basic", target="asset:1"))
    assert place("prompts-basic", target="asset:1").state == OrderState.OPEN


def call(client: Client, path: str = "/checkout/create", key: str = "", **data: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(path, data, content_type="application/json", headers=headers)


@pytest.mark.parametrize("path", ["/checkout/create", "/create-checkout-session"])
def test_a_program_begins_a_purchase(client: Client, offers: dict[str, Offer], path: str) -> None:
    response = call(client, path, offer="prompts-pro", email="buyer@example.org")
    assert response.status_code == 200
    data = response.json()
    assert (data["total"], data["currency"], data["state"]) == (2900, "USD", "open")
    assert data["checkout_url"] == data["url"]
    order = Order.objects.get(uuid=data["order"])
    assert (order.account.kind, order.account.email) == ("guest", "buyer@example.org")


def test_a_plan_s_name_or_the_provider_s_price_id_names_the_offer(
    client: Client, offers: dict[str, Offer]
) -> None:
    price = offers["prompts-basic"].price
    assert price is not None
    GatewayPrice.objects.create(gateway="stripe", price=price, ref="price_basic123")
    for named in ({"plan": "basic"}, {"price_id": "price_basic123"}, {"offer": "prompts-basic"}):
        assert call(client, email="a@example.org", **named).json()["total"] == 900


def test_the_same_idempotency_key_returns_the_same_order(
    client: Client, offers: dict[str, Offer]
) -> None:
    answers = [
        call(client, key="k1", offer="prompts-pro", email="a@example.org").json()["order"]
        for _ in range(2)
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("data", "code", "status"),
    [
        ({"offer": "nothing", "email": "a@example.org"}, "offer_unknown", 404),
        ({"email": "a@example.org"}, "offer_unknown", 404),
        ({"price_id": "price_unknown", "email": "a@example.org"}, "offer_unknown", 404),
        ({"offer": "prompts-pro"}, "invalid_email", 400),
        ({"offer": "prompts-pro", "email": "nobody"}, "invalid_email", 400),
    ],
)
def test_what_a_program_gets_wrong_is_said(
    client: Client, offers: dict[str, Offer], data: dict[str, str], code: str, status: int
) -> None:
    response = call(client, **data)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert Order.objects.count() == 0


def test_many_purchases_a_minute_from_one_place_are_slowed_down(
    client: Client, offers: dict[str, Offer]
) -> None:
    statuses = [call(client, offer="x", email="a@example.org").status_code for _ in range(21)]
    assert statuses == [404] * 20 + [429]


def test_giving_up_an_order_that_was_paid_meanwhile_settles_it_instead(
    place: Buy, account: Account
) -> None:
    order = place("writing-topup-10")
    sandbox.ACTS["pay"](SandboxObject.objects.get(ref=order.checkout_ref))
    with pytest.raises(BillingError, match="paid meanwhile"):
        checkout.cancel(order)
    order.refresh_from_db()
    assert order.state == "paid"
