"""An order's page: what it says in every state, what it lets one do, and who may see it."""

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.flows import signup
from accounts.models import Account, ApiKey, Membership, OutgoingMail, Role, User
from billing import gateways
from billing.flows import sandbox
from billing.gateways.contract import Kind
from billing.models import KeyPlan, Order, OrderState, Payment, Price, Refund, Subscription
from billing.views.words import WORDS
from common.http import ServiceError
from tests.billing.conftest import play
from tests.fakes.stripe import World, with_stripe

__all__ = ["with_stripe"]
pytestmark = pytest.mark.django_db
KEY = re.compile(r"atelier_test_\S+?_[0-9a-f]{8}\b")


def at(order: Order, tail: str = "") -> str:
    return f"/orders/{order.uuid}/{tail}"


def text_of(client: Client, order: Order, tail: str = "") -> str:
    answer = client.get(at(order, tail))
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def test_every_state_has_words() -> None:
    assert set(WORDS) == set(OrderState)


@pytest.mark.parametrize("state", OrderState)
def test_the_page_opens_in_every_state(owner_client: Client, place: Any, state: str) -> None:
    order = place("prompts-basic")
    Order.objects.filter(pk=order.pk).update(state=state)
    assert WORDS[state].title.replace("'", "&#x27;") in text_of(owner_client, order)


def test_the_way_back_from_the_payment_page_settles_at_once(
    owner_client: Client, place: Any
) -> None:
    order = place("prompts-basic")
    assert "Waiting for your payment" in text_of(owner_client, order)
    sandbox.play(order.checkout_ref, "pay")  # the event it sends waits for its worker
    text = text_of(owner_client, order)
    assert "Paid. Thank you!" in text and "Show my key" in text
    assert "$9.00" in text and "data-waiting" not in text
    invoice = order.invoices.get()
    assert f'href="/invoices/{invoice.pk}/"' in text and f"/invoices/{invoice.pk}.pdf" in text


def test_the_fragment_says_where_the_order_stands(owner_client: Client, place: Any) -> None:
    order = place("writing-topup-10")
    waiting = text_of(owner_client, order, "state")
    assert "data-waiting" in waiting and "<html" not in waiting
    sandbox.play(order.checkout_ref, "pay")
    cache.clear()  # it asks the provider once in five seconds
    paid = text_of(owner_client, order, "state")
    assert 'data-state="paid"' in paid and "data-waiting" not in paid


def test_the_page_works_while_the_provider_is_down(
    owner_client: Client, place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = place("prompts-basic")

    def down(self: Any, kind: Kind, ref: str) -> None:
        raise ServiceError("retry", "503")

    monkeypatch.setattr(type(gateways.by_code("sandbox")), "fetch", down)
    text = text_of(owner_client, order)
    assert "reach the payment provider just now" in text
    assert "Waiting for your payment" in text


def test_who_left_without_paying_can_pay_now_or_give_up(owner_client: Client, place: Any) -> None:
    order = place("prompts-basic")
    text = text_of(owner_client, order, "?left=1")
    assert "You left before paying" in text and "Nothing was charged" in text
    answer = owner_client.post(at(order), {"do": "pay"})
    assert answer.headers["Location"].startswith(f"/test-payments/{order.checkout_ref}?key=")
    owner_client.post(at(order), {"do": "cancel"})
    order.refresh_from_db()
    assert order.state == OrderState.CANCELLED
    assert "Given up" in text_of(owner_client, order)


def test_a_declined_payment_is_said_and_can_be_tried_again(
    owner_client: Client, place: Any, django_capture_on_commit_callbacks: Any
) -> None:
    order = play(place("prompts-basic"), "decline", django_capture_on_commit_callbacks)
    text = text_of(owner_client, order)
    assert "The payment did not go through" in text and "Try again" in text
    assert "The bank declined the card" in text
    first = order.checkout_ref
    answer = owner_client.post(at(order), {"do": "pay"})
    order.refresh_from_db()
    assert order.checkout_ref != first
    assert answer.headers["Location"].startswith(f"/test-payments/{order.checkout_ref}?key=")


def test_what_cannot_be_done_any_more_is_said(owner_client: Client, buy: Any) -> None:
    order = buy("prompts-basic")
    answer = owner_client.post(at(order), {"do": "cancel"}, follow=True)
    assert "This order is not open any more" in answer.content.decode()
    assert owner_client.post(at(order), {"do": "nonsense"}).status_code == 404


def test_money_that_is_on_its_way_is_said(
    owner_client: Client, place: Any, django_capture_on_commit_callbacks: Any
) -> None:
    order = play(place("prompts-basic"), "pay_later", django_capture_on_commit_callbacks)
    text = text_of(owner_client, order)
    assert "Your payment is on its way" in text and "Look again" in text
    assert 'value="pay"' not in text


def test_a_refund_stands_on_the_page_with_its_credit_note(
    owner_client: Client, buy: Any, django_capture_on_commit_callbacks: Any
) -> None:
    order = play(buy("writing-topup-10"), "refund", django_capture_on_commit_callbacks)
    text = text_of(owner_client, order)
    assert "Paid back" in text and "−$1.00" in text
    assert order.invoices.get(kind="credit").number in text
    assert "0</strong> Ku coins now" in text


def test_a_trial_says_that_nothing_was_charged(owner_client: Client, buy: Any) -> None:
    text = text_of(owner_client, buy("campaigns-starter"))
    assert "Your free days have begun" in text and "Free trial" in text
    assert "Then it costs $49.99 a month" in text


def test_who_comes_back_from_stripe_sees_what_was_paid(
    owner_client: Client, place: Any, with_stripe: World
) -> None:
    order = place("prompts-basic")
    assert order.gateway == "stripe"
    with_stripe.pay(order.checkout_ref)
    text = text_of(owner_client, order, "?session_id=cs_test_1")
    assert "Paid. Thank you!" in text and "Show my key" in text
    assert "Test payments" not in text


def test_a_guest_is_told_how_to_get_at_the_coins(client: Client, owner: User, buy: Any) -> None:
    guest = signup.guest_account("ida@example.org")
    order = buy("writing-topup-10", account=guest)
    session = client.session
    session["orders"] = [str(order.uuid)]
    session.save()
    assert "with <strong>ida@example.org</strong> and confirm" in text_of(client, order)
    signup.claim_guests(owner, "ida@example.org")
    client.force_login(owner)
    assert "sign up" not in text_of(client, order)
    assert "10 Ku coins" in re.sub(r"<[^>]+>", "", text_of(client, order))


# --- The key ----------------------------------------------------------------------------------
def test_the_key_is_shown_once_on_the_order_page(
    owner_client: Client, owner: User, account: Account, buy: Any
) -> None:
    order = buy("prompts-pro")
    answer = owner_client.post(at(order), {"do": "claim"})
    assert answer.headers["Cache-Control"].count("no-store") == 1
    assert KEY.search(answer.content.decode())
    key = ApiKey.objects.get(plan="pro")
    assert (key.account, key.author, key.daily_limit) == (account, owner, 200)
    again = owner_client.post(at(order), {"do": "claim"}, follow=True)
    assert "shown already" in again.content.decode()
    assert not KEY.search(again.content.decode())
    assert ApiKey.objects.filter(plan="pro").count() == 1


def test_a_viewer_sees_the_order_but_takes_nothing(
    stranger_client: Client, stranger: User, account: Account, buy: Any, place: Any
) -> None:
    Membership.objects.create(account=account, user=stranger, role=Role.VIEWER)
    order, unpaid = buy("prompts-pro"), place("prompts-basic")
    assert "Show my key" not in text_of(stranger_client, order)
    assert "Pay now" not in text_of(stranger_client, unpaid)
    for act in ("claim", "pay", "cancel"):
        assert stranger_client.post(at(order), {"do": act}).status_code == 404
    assert KeyPlan.objects.get().claimed_at is None


def test_staff_see_the_order_as_its_buyer_does_and_take_nothing(
    staff_client: Client, place: Any
) -> None:
    order = place("prompts-basic")
    assert staff_client.get(at(order)).status_code == 200
    assert staff_client.post(at(order), {"do": "cancel"}).status_code == 404


@pytest.mark.parametrize("tail", ["", "state"])
def test_a_stranger_finds_no_order(
    client: Client, stranger_client: Client, place: Any, tail: str
) -> None:
    order = place("prompts-basic")
    for who in (client, stranger_client):
        assert who.get(at(order, tail)).status_code == 404
        assert who.post(at(order), {"do": "cancel"}).status_code == 404
    order.refresh_from_db()
    assert order.state == OrderState.OPEN


# --- The link -----------------------------------------------------------------------------------
def test_the_link_in_a_mail_shows_the_order_in_any_browser(client: Client, buy: Any) -> None:
    order = buy("prompts-basic", account=signup.guest_account("ida@example.org"))
    written = OutgoingMail.objects.get(template="billing/email/receipt").get_content()["text"]
    link = re.search(rf"/orders/{order.uuid}/\?key=[\w-]+", written)
    assert link
    answer = client.get(f"{link[0]}&left=1&session_id=cs_1")
    assert answer.headers["Location"] == at(order, "?left=1&session_id=cs_1")
    assert "Paid. Thank you!" in text_of(client, order)
    assert client.get(link[0]).headers["Location"] == at(order)
    # A mail may be passed on: whoever has it looks, and takes nothing.
    assert client.post(at(order), {"do": "claim"}).status_code == 404


def test_the_way_back_from_the_payment_page_may_take_the_key(client: Client, buy: Any) -> None:
    order = buy("prompts-basic", account=signup.guest_account("ida@example.org"))
    client.get(at(order), {"key": order.page_key})
    assert "atelier_test_" in client.post(at(order), {"do": "claim"}).content.decode()


def test_a_link_opens_its_own_order_only(client: Client, place: Any) -> None:
    order, other = place("prompts-basic"), place("prompts-basic")
    for key in (
        other.page_key,
        other.look_key,
        "",
        "x",
        f"{order.page_key}x",
        f":{order.page_key}",
    ):
        assert client.get(at(order), {"key": key}).status_code == 404
    assert client.post(f"{at(order)}?key={order.page_key}", {"do": "cancel"}).status_code == 404
    assert client.get(at(order)).status_code == 404


def test_who_pays_again_after_the_price_changed_is_led_to_the_new_price(
    owner_client: Client, place: Any
) -> None:
    order = place("prompts-basic")
    order.move(OrderState.EXPIRED)
    Price.objects.filter(offer__code="prompts-basic").update(amount=1100)
    answer = owner_client.post(at(order), {"do": "pay"}, follow=True)
    assert answer.redirect_chain == [("/buy/prompts-basic", 302)]
    assert "has changed since you ordered it" in answer.content.decode()
    assert "$11.00" in answer.content.decode()


# --- Speed ------------------------------------------------------------------------------------
def test_the_number_of_queries_stays_as_rows_double(
    owner_client: Client, buy: Any, django_assert_max_num_queries: Any
) -> None:
    order = buy("writing-pro-monthly")
    text_of(owner_client, order)
    with django_assert_max_num_queries(9):
        text_of(owner_client, order)
    payment = order.payments.get()
    for number in range(20):
        Payment.objects.create(
            order=order, subscription=payment.subscription, gateway="sandbox", ref=f"p{number}",
            state="succeeded", amount=5000, currency="USD", succeeded_at=timezone.now(),
        )  # fmt: skip
        Refund.objects.create(payment=payment, gateway="sandbox", ref=f"r{number}", amount=1)
    assert Subscription.objects.count() == 1
    with django_assert_max_num_queries(9):
        text_of(owner_client, order)
