"""From an offer to the provider's page, once however often the button is pressed."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.flows import signup
from accounts.models import Account, User
from billing import gateways
from billing.errors import BillingError
from billing.flows import checkout, sandbox, tax
from billing.gateways.sandbox import Sandbox
from billing.models import (
    GatewayPrice,
    Offer,
    Order,
    OrderState,
    Price,
    SandboxObject,
    Subscription,
    TaxRate,
)
from tests.billing.conftest import Buy, play

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


def test_a_long_idempotency_key_counts_to_its_last_letter(
    client: Client, offers: dict[str, Offer]
) -> None:
    wanted = {"offer": "prompts-pro", "email": "a@example.org"}
    keys = ["x" * 60 + "1", "x" * 60 + "2", "x" * 60 + "1", "x" * 60]
    first, second, again, short = (call(client, key=key, **wanted).json()["order"] for key in keys)
    assert first == again
    assert len({first, second, short}) == 3


# --- A new try of an old order ----------------------------------------------------------------
@pytest.mark.parametrize("state", [OrderState.EXPIRED, OrderState.DRAFT])
def test_a_new_try_is_refused_once_the_price_or_the_tax_is_another(place: Buy, state: str) -> None:
    order = place("prompts-basic")
    Order.objects.update(state=state)
    order.refresh_from_db()
    price = Price.objects.filter(offer__code="prompts-basic")
    price.update(amount=1100)
    with pytest.raises(BillingError, match="has changed since"):
        checkout.start(order)
    price.update(amount=900)
    rate = TaxRate.objects.create(country="US", basis_points=1900)
    with pytest.raises(BillingError, match="has changed since"):
        checkout.start(order)
    order.refresh_from_db()
    assert (order.state, order.attempt) == (state, 1)
    rate.delete()
    assert checkout.start(order)


def test_a_new_try_is_refused_once_the_offer_is_withdrawn(place: Buy) -> None:
    order = place("prompts-basic")
    order.move(OrderState.EXPIRED)
    Offer.objects.update(published=False)
    with pytest.raises(BillingError, match="not for sale"):
        checkout.start(order)


def test_what_is_sent_with_the_goods_does_not_hinder_a_new_try(
    account: Account, offers: dict[str, Offer]
) -> None:
    order = order_of(account, offers["prompts-basic"], extra=[tax.Line("Postage", 400)])
    checkout.start(order)
    order.move(OrderState.EXPIRED)
    checkout.start(order)
    assert (order.state, order.total, order.attempt) == ("open", 1300, 2)


# --- Trials -----------------------------------------------------------------------------------
def test_a_second_order_of_a_trial_closes_the_page_of_the_first(place: Buy) -> None:
    first, second = place("campaigns-starter"), place("campaigns-starter")
    first.refresh_from_db()
    assert (first.state, second.state) == (OrderState.CANCELLED, OrderState.OPEN)
    assert SandboxObject.objects.get(ref=first.checkout_ref).data["state"] == "expired"
    checkout.start(first)
    second.refresh_from_db()
    assert (first.state, second.state) == (OrderState.OPEN, OrderState.CANCELLED)


def test_trials_cannot_be_kept_for_later(
    place: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    orders = [place("campaigns-starter") for _ in range(3)]
    paid = play(orders.pop(), "pay", django_capture_on_commit_callbacks)
    play(paid, "cancel", django_capture_on_commit_callbacks)
    for order in orders:
        order.refresh_from_db()
        with pytest.raises(BillingError, match="has changed since"):
            checkout.start(order)
    assert place("campaigns-starter").quote["trial_days"] == 0


def test_a_trial_that_was_begun_at_the_provider_meanwhile_is_seen(
    place: Buy, account: Account
) -> None:
    first = place("campaigns-starter")
    sandbox.ACTS["pay"](SandboxObject.objects.get(ref=first.checkout_ref))
    with pytest.raises(BillingError, match="You have"):
        place("campaigns-starter")
    assert Subscription.objects.get().order == first


def test_a_page_that_lost_its_place_while_it_was_made_is_closed_again(
    account: Account, offers: dict[str, Offer], monkeypatch: pytest.MonkeyPatch
) -> None:
    create = Sandbox.create
    order = order_of(account, offers["campaigns-starter"])

    def slow(self: Sandbox, made: Order, **pages: str) -> Any:
        monkeypatch.setattr(Sandbox, "create", create)
        checkout.start(order_of(account, offers["campaigns-starter"], "form-2"))
        return create(self, made, **pages)

    monkeypatch.setattr(Sandbox, "create", slow)
    with pytest.raises(BillingError, match="on its way"):
        checkout.start(order)
    order.refresh_from_db()
    assert order.state == OrderState.CANCELLED
    page = SandboxObject.objects.get(ref=f"sbx_checkout_{order.uuid.hex}_1")
    assert page.data["state"] == "expired"
    assert Order.objects.filter(state=OrderState.OPEN).count() == 1


def test_a_trial_is_once_per_address_also_after_a_guest_was_claimed(
    offers: dict[str, Offer], place: Buy, owner: User, django_capture_on_commit_callbacks: Any
) -> None:
    offer = offers["campaigns-starter"]
    guest = signup.guest_account("ida@example.org")
    order = order_of(guest, offer)
    Order.objects.update(buyer={"email": "else@example.org", "country": "US"})
    checkout.start(order)
    play(play(order, "pay", django_capture_on_commit_callbacks), "cancel",
         django_capture_on_commit_callbacks)  # fmt: skip
    signup.claim_guests(owner, "ida@example.org")
    again = signup.guest_account("ida@example.org")
    assert again != guest
    assert checkout.quote(offer, account=again, country="US").trial_days == 0

    def days(email: str) -> int:
        return checkout.quote(offer, account=None, country="US", email=email).trial_days

    # By the guest's address, by the address of the order, by that of a member; not by another.
    for email in (" IDA@example.org", "else@example.org", owner.email):
        assert days(email) == 0
    assert days("new@example.org") == days("") == 14


def test_nobody_learns_what_plan_an_address_has(
    client: Client, offers: dict[str, Offer], buy: Buy, owner: User
) -> None:
    guest = signup.guest_account("ida@example.org")
    buy("writing-pro-monthly", account=guest)
    refused = call(client, offer="writing-lite-monthly", email="ida@example.org")
    assert refused.status_code == 409
    assert "sign in: your plans page shows why" in refused.json()["error"]["message"]
    assert "Pro" not in refused.content.decode()
    signup.claim_guests(owner, "ida@example.org")
    guest.refresh_from_db()
    with pytest.raises(BillingError, match="You have Writing Pro"):
        order_of(guest, offers["writing-lite-monthly"])


# --- Things that are sold once ----------------------------------------------------------------
@pytest.fixture
def art(offers: dict[str, Offer]) -> None:
    """Make the basic key a thing of which there is one."""
    Offer.objects.filter(code="prompts-basic").update(exclusive=True)


@pytest.mark.usefixtures("art")
def test_an_order_that_ended_gets_no_page_for_what_somebody_else_is_buying(place: Buy) -> None:
    first = place("prompts-basic", target="art:1")
    first.move(OrderState.EXPIRED)
    place("prompts-basic", target="art:1")
    with pytest.raises(BillingError, match="Somebody else"):
        checkout.start(first)
    pages = SandboxObject.objects.filter(kind="checkout", data__order_uuid=str(first.uuid))
    assert [page.data["state"] for page in pages] == ["expired"]


@pytest.mark.usefixtures("art")
def test_a_thing_is_held_while_its_new_page_is_made(
    place: Buy, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = place("prompts-basic", target="art:1")
    first.move(OrderState.EXPIRED)
    create = Sandbox.create

    def slow(self: Sandbox, made: Order, **pages: str) -> Any:
        with pytest.raises(BillingError, match="Somebody else"):
            place("prompts-basic", target="art:1")
        return create(self, made, **pages)

    monkeypatch.setattr(Sandbox, "create", slow)
    checkout.start(first)
    assert first.state == OrderState.OPEN


@pytest.mark.usefixtures("art")
def test_a_draft_holds_a_thing_for_a_day(
    account: Account, offers: dict[str, Offer], place: Buy
) -> None:
    offers["prompts-basic"].refresh_from_db()
    draft = order_of(account, offers["prompts-basic"], target="art:1")
    assert checkout.expire_drafts() == 0
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        assert checkout.expire_drafts() == 1
        place("prompts-basic", target="art:1")
        with pytest.raises(BillingError, match="Somebody else"):
            checkout.start(draft)  # as it was read before it expired
    page = SandboxObject.objects.get(data__order_uuid=str(draft.uuid))
    assert page.data["state"] == "expired"
