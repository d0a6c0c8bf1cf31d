"""The local payment page: plainly a test, for the buyer only, and not there in production."""

import re
import runpy
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import Account, Membership, Role, User
from billing import gateways, urls
from billing.errors import BillingError
from billing.flows import sandbox
from billing.gateways.sandbox import Sandbox
from billing.models import Offer, Order, OrderState, SandboxObject
from billing.views.sandbox import ACTS

pytestmark = pytest.mark.django_db


def at(order: Order) -> str:
    return f"/test-payments/{order.checkout_ref}"


def acts(client: Client, order: Order) -> list[str]:
    return re.findall(r'name="act"\s+value="(\w+)"', client.get(at(order)).content.decode())


def test_the_page_says_that_no_money_moves(owner_client: Client, place: Any) -> None:
    text = owner_client.get(at(place("prompts-basic"))).content.decode()
    assert "Test payments. No money moves." in text and "$9.00" in text


def test_every_act_of_the_flow_has_a_button() -> None:
    assert set(sandbox.ACTS) == set(ACTS)


def test_paying_leads_back_to_the_order(
    owner_client: Client, place: Any, django_capture_on_commit_callbacks: Any
) -> None:
    order = place("prompts-basic")
    assert acts(owner_client, order) == ["pay", "decline", "pay_later", "expire"]
    answer = owner_client.post(at(order), {"act": "pay"}, follow=True)
    assert answer.redirect_chain[-1] == (f"/orders/{order.uuid}/", 302)
    assert answer.status_code == 200
    order.refresh_from_db()
    assert order.state == OrderState.PAID


@pytest.mark.parametrize("act", ["decline", "expire"])
def test_not_paying_leads_back_too(owner_client: Client, place: Any, act: str) -> None:
    order = place("prompts-basic")
    answer = owner_client.post(at(order), {"act": act}, follow=True)
    assert answer.redirect_chain[-1] == (f"/orders/{order.uuid}/?left=1", 302)


def test_a_buyer_of_the_api_door_pays_and_sees_the_order(
    client: Client, offers: dict[str, Offer], django_capture_on_commit_callbacks: Any
) -> None:
    wanted = {"offer": "prompts-basic", "email": "buyer@example.org"}
    program = Client().post("/checkout/create", wanted, content_type="application/json")
    page = client.get(program.json()["checkout_url"].removeprefix(settings.PUBLIC_BASE_URL))
    order = Order.objects.get()
    assert (page.status_code, page.headers["Location"]) == (302, at(order))
    assert "pay" in acts(client, order)
    with django_capture_on_commit_callbacks(execute=True):
        paid = client.post(at(order), {"act": "pay"}, follow=True)
    assert paid.redirect_chain[-1] == (f"/orders/{order.uuid}/", 302)
    assert "Paid. Thank you!" in paid.content.decode()


def test_later_acts_stay_on_the_page(
    owner_client: Client, buy: Any, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("writing-pro-monthly")
    assert "renew" in acts(owner_client, order)
    with django_capture_on_commit_callbacks(execute=True):
        answer = owner_client.post(at(order), {"act": "renew"}, follow=True)
    assert answer.redirect_chain == [(at(order), 302)]
    assert "Done: renew." in answer.content.decode()
    assert order.payments.filter(state="succeeded").count() == 2


def test_a_subscription_is_not_paid_later(owner_client: Client, place: Any) -> None:
    assert acts(owner_client, place("campaigns-starter")) == ["pay", "decline", "expire"]


def test_what_makes_no_sense_now_is_said(owner_client: Client, place: Any) -> None:
    order = place("prompts-basic")
    answer = owner_client.post(at(order), {"act": "refund"}, follow=True)
    assert "not possible at this point" in answer.content.decode()
    assert owner_client.post(at(order), {"act": "rob"}).status_code == 404


def test_a_stranger_finds_no_test_payment(
    client: Client,
    stranger_client: Client,
    stranger: User,
    account: Account,
    staff_client: Client,
    place: Any,
) -> None:
    order = place("prompts-basic")
    for who in (client, stranger_client):
        assert who.get(at(order)).status_code == 404
        assert who.post(at(order), {"act": "pay"}).status_code == 404
    Membership.objects.create(account=account, user=stranger, role=Role.VIEWER)
    assert stranger_client.post(at(order), {"act": "pay"}).status_code == 404
    assert SandboxObject.objects.get().data["state"] == "open"
    assert staff_client.get(at(order)).status_code == 200
    assert client.get("/test-payments/sbx_checkout_made_up").status_code == 404


def test_in_production_the_address_is_not_even_there(settings: Settings) -> None:
    def names() -> set[str]:
        patterns = runpy.run_path(urls.__file__)["urlpatterns"]
        return {pattern.name for pattern in patterns}

    assert "test-payment" in names()
    settings.IS_PRODUCTION = True
    assert "test-payment" not in names()


def test_in_production_there_are_no_test_payments(
    owner_client: Client, place: Any, settings: Settings
) -> None:
    order = place("prompts-basic")
    settings.IS_PRODUCTION = True
    assert owner_client.get(at(order)).status_code == 404
    assert owner_client.post(at(order), {"act": "pay"}).status_code == 404
    with pytest.raises(BillingError, match="no test payments"):
        sandbox.play(str(order.checkout_ref), "pay")
    with pytest.raises(ImproperlyConfigured):
        Sandbox()
    with pytest.raises(BillingError, match="not set up"):
        gateways.for_sale()
