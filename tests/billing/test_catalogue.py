"""What is for sale can be bought and delivered; what staff changed stays."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction

from accounts.models import AuditEntry, User
from billing import checks, gateways
from billing.errors import BillingError
from billing.flows import catalogue
from billing.models import Fulfilment, Offer, Order, Price, Subscription
from common.jobs import JobState
from tests.billing.conftest import Buy

pytestmark = pytest.mark.django_db

STARTER = [row["code"] for row in catalogue.orjson.loads(catalogue.STARTER.read_bytes())]


@pytest.mark.parametrize("code", STARTER)
def test_every_published_offer_can_be_bought_and_is_delivered(
    buy: Buy, offers: dict[str, Offer], code: str
) -> None:
    order = buy(code)
    order.refresh_from_db()
    assert order.state == "paid"
    rows = Fulfilment.objects.filter(order=order)
    assert rows.exists()
    assert {row.state for row in rows} == {JobState.SUCCEEDED}
    assert offers[code].recurring == Subscription.objects.filter(order=order).exists()


def test_the_starter_offers_are_all_that_is_published(offers: dict[str, Offer]) -> None:
    assert sorted(offers) == sorted(STARTER)


@pytest.mark.parametrize(
    ("code", "amount", "gives"),
    [
        ("writing-topup-10", 100, {"coins": 10}),
        ("writing-topup-25", 300, {"coins": 25}),
        ("writing-topup-50", 500, {"coins": 50}),
        ("writing-lite-monthly", 2000, {"coins": 500}),
        ("writing-lite-yearly", 12000, {"coins": 3000}),
        ("writing-pro-monthly", 5000, {"coins": 1500}),
        ("writing-pro-yearly", 30000, {"coins": 9000}),
        ("writing-studio-monthly", 15000, {"coins": 5000}),
        ("writing-studio-yearly", 90000, {"coins": 30000}),
        ("prompts-basic", 900, {"plan": "basic", "daily_limit": 50, "days": 30}),
        ("prompts-pro", 2900, {"plan": "pro", "daily_limit": 200, "days": 30}),
        (
            "campaigns-starter",
            4999,
            {"features": {"campaigns.active": 5, "campaigns.generations": 100}},
        ),
        (
            "campaigns-professional",
            14999,
            {"features": {"campaigns.active": 25, "campaigns.generations": 500}},
        ),
        (
            "campaigns-enterprise",
            39999,
            {"features": {"campaigns.active": None, "campaigns.generations": None}},
        ),
    ],
)
def test_prices_are_as_the_owner_wrote_them(
    offers: dict[str, Offer], code: str, amount: int, gives: dict[str, Any]
) -> None:
    price = offers[code].price
    assert price is not None
    assert (price.amount, price.currency, price.entitlement) == (amount, "USD", gives)


def test_loading_again_changes_nothing_that_staff_changed(offers: dict[str, Offer]) -> None:
    Offer.objects.filter(code="prompts-pro").update(name="Ours", published=False)
    assert catalogue.load_starter() == []
    row = Offer.objects.get(code="prompts-pro")
    assert (row.name, row.published) == ("Ours", False)


def test_a_new_price_is_a_new_version_and_old_orders_keep_theirs(
    buy: Buy, offers: dict[str, Offer], staff: User
) -> None:
    order = buy("prompts-basic")
    price = catalogue.new_price(
        offers["prompts-basic"], amount=1200, actor=staff, reason="Costs more now"
    )
    assert (price.version, price.lookup_key) == (2, "prompts-basic-v2")
    order.refresh_from_db()
    assert (order.total, order.price.version) == (900, 1)
    assert buy("prompts-basic").total == 1200
    assert AuditEntry.objects.get(action="billing.new_price").reason == "Costs more now"


def test_a_price_that_could_not_be_sold_is_refused(offers: dict[str, Offer], staff: User) -> None:
    with pytest.raises(BillingError, match="does not work"):
        catalogue.new_price(
            offers["prompts-basic"],
            amount=1200,
            entitlement={"daily_limit": "many"},
            actor=staff,
            reason="A slip",
        )
    assert Price.objects.filter(offer__code="prompts-basic").count() == 1


def test_an_offer_without_price_or_handler_cannot_be_published(db: None) -> None:
    for values in ({"handler": "billing.plan"}, {"handler": ""}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Offer.objects.create(
                code="new", kind="topup", product="writing", name="New", published=True, **values
            )


def test_the_form_says_why_an_offer_cannot_be_published(offers: dict[str, Offer]) -> None:
    offer = offers["writing-topup-10"]
    offer.handler = "writing.nobody"
    with pytest.raises(ValidationError, match="handler is not in the table"):
        offer.full_clean()


def test_the_database_check_reports_what_cannot_be_sold(
    offers: dict[str, Offer], settings: Any
) -> None:
    assert checks.offers_can_be_sold(None, databases=["default"]) == []
    Offer.objects.filter(code="prompts-pro").update(handler="prompts.gone")
    found = checks.offers_can_be_sold(None, databases=["default"])
    assert [message.id for message in found] == ["billing.E004"]
    assert "prompts-pro" in found[0].msg


def test_a_handler_that_is_not_there_is_an_error_of_the_settings(settings: Any) -> None:
    settings.FULFILMENT = {"x": {"fulfil": "billing.flows.nowhere.fulfil"}}
    assert {message.id for message in checks.handlers_exist(None)} == {
        "billing.E001",
        "billing.E002",
    }


def test_the_seed_brings_the_offers(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seed")
    assert "offer prompts-basic" in capsys.readouterr().out
    assert Order.objects.count() == 0


@pytest.mark.parametrize("key", ["sk_test_" + "x" * 24, "rk_test_" + "x" * 24])
def test_in_production_a_test_key_of_stripe_is_an_error_and_sells_nothing(
    settings: Any, key: str
) -> None:
    settings.STRIPE_API_KEY, settings.STRIPE_API_URL = key, ""
    assert checks.stripe_is_real(None) == []
    assert gateways.for_sale().code == "stripe"
    settings.IS_PRODUCTION = True
    found = checks.stripe_is_real(None)
    assert [(message.id, message.level) for message in found] == [("billing.E005", 40)]
    assert gateways.configured() == []
    with pytest.raises(BillingError, match="not set up"):
        gateways.for_sale()
    settings.STRIPE_API_KEY = key.replace("test", "live")
    assert checks.stripe_is_real(None) == []
    assert gateways.configured() == ["stripe"]
