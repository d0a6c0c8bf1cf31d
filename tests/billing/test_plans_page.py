"""Plans and coins: what a person has, what it costs, every change of coins, and nobody else's."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import Account, Membership, Role, User
from billing.flows import credits, meters
from billing.gateways.stripe.checkout import customer_ref
from billing.models import Customer, LedgerEntry, Subscription
from tests.billing.conftest import play
from tests.billing.stripe_orders import offer, order
from tests.fakes.stripe import World, with_stripe

__all__ = ["with_stripe"]
pytestmark = pytest.mark.django_db
PLANS = "/account/plans/"


def page(client: Client, address: str = PLANS) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_who_has_nothing_is_told_where_to_begin(owner_client: Client) -> None:
    text = page(owner_client)
    assert "No plan yet." in text and "0 Ku coins" in text and "Nothing bought yet" in text
    assert "Coins, in and out" not in text


def test_a_plan_stands_with_its_next_payment(owner_client: Client, buy: Any) -> None:
    order = buy("writing-pro-monthly")
    text = page(owner_client)
    day = f"{order.subscription.period_end:%-d %b %Y}"
    assert f"Next payment on {day}: $50.00 a month" in text
    assert "1,500 Ku coins" in text and "+1,500" in text


def test_a_trial_says_when_it_ends_and_what_it_costs_then(owner_client: Client, buy: Any) -> None:
    order = buy("campaigns-starter")
    text = page(owner_client)
    assert f"Free until {order.subscription.trial_end:%-d %b %Y}. Then it costs $49.99" in text
    assert "Active campaigns 0 of 5 used" in text and "0 of 100 used" in text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"state": "past_due", "days": 5}, "The last payment did not go through"),
        ({"state": "past_due", "days": -1}, "The plan has stopped"),
        ({"state": "unpaid"}, "The plan has stopped"),
        ({"cancel_at_period_end": True}, "then it ends"),
        ({"state": "canceled"}, "Ended on"),
        ({"duplicate": True}, "You have another plan of this kind"),
    ],
)
def test_every_state_of_a_plan_has_words(
    owner_client: Client, buy: Any, values: dict[str, Any], said: str
) -> None:
    order = buy("writing-pro-monthly")
    days = values.pop("days", None)
    if days is not None:
        values |= {"grace_until": timezone.now() + timedelta(days=days)}
    if values.get("state") == "canceled":
        values |= {"ended_at": timezone.now()}
    Subscription.objects.filter(pk=order.subscription.pk).update(**values)
    assert said in page(owner_client)


def test_every_change_of_coins_has_time_reason_before_and_after(
    owner_client: Client, account: Account, buy: Any
) -> None:
    buy("writing-topup-50")
    credits.spend(account, 250, ref="text-1")
    text = page(owner_client)
    assert re.search(r"Spent −2\.5 50 47\.5", text)
    assert re.search(r"Coins added \+50 0 50", text)


def test_a_debt_is_explained(
    owner_client: Client, account: Account, buy: Any, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("writing-topup-50")
    credits.spend(account, 5000, ref="text-1")
    play(order, "refund", django_capture_on_commit_callbacks)
    assert "50 were spent and then paid back to you" in page(owner_client)


def test_fifty_changes_make_a_page(owner_client: Client, account: Account) -> None:
    for number in range(60):
        credits.grant(account, 100, ref=f"gift-{number}")
    first = page(owner_client)
    assert first.count("Coins added") == 50
    last = LedgerEntry.objects.order_by("-pk")[49].pk
    second = page(owner_client, f"{PLANS}?before={last}")
    assert second.count("Coins added") == 10
    assert "Newest" in second and "Older" not in second
    for odd in ("x", "-1", "9" * 30, "²"):
        assert page(owner_client, f"{PLANS}?before={odd}").count("Coins added") == 50


def test_coins_of_several_accounts_make_one_history(
    owner_client: Client, account: Account, owner: User
) -> None:
    team = Account.objects.create(kind=Account.Kind.TEAM, name="The team")
    Membership.objects.create(account=team, user=owner, role=Role.VIEWER)
    foreign = Account.objects.create(kind=Account.Kind.TEAM, name="Not mine")
    for number in range(40):
        for somebody in (account, team, foreign):
            credits.grant(somebody, 100, ref=f"gift-{somebody.pk}-{number}")
    for number in range(30):
        credits.grant(team, 100, ref=f"late-{number}")
    mine = LedgerEntry.objects.filter(wallet__account__in=(account, team)).order_by("-pk")
    shown, seen, path = [*mine], 0, PLANS
    while path:
        answer = owner_client.get(path)
        rows = [change.entry for change in answer.context["changes"]]
        assert rows == shown[seen : seen + 50]
        seen += len(rows)
        older = answer.context["older"]
        path = f"{PLANS}?before={older}" if older else ""
    assert seen == 110


def test_meters_show_what_was_used(owner_client: Client, account: Account, buy: Any) -> None:
    buy("campaigns-starter")
    meters.charge(account.pk, "campaigns.generations", 7)
    assert "7 of 100 used" in page(owner_client)
    owner_client.get(PLANS)


def test_a_plan_without_a_limit_says_so(owner_client: Client, account: Account, buy: Any) -> None:
    buy("campaigns-enterprise")
    meters.charge(account.pk, "campaigns.active", 3)
    assert "3 used, without a limit" in page(owner_client)


def test_several_accounts_stand_apart(
    owner_client: Client, owner: User, stranger: User, buy: Any
) -> None:
    team = Account.objects.create(kind=Account.Kind.TEAM, name="The team")
    Membership.objects.create(account=team, user=owner, role=Role.VIEWER)
    buy("writing-topup-10")
    buy("writing-topup-25", account=team)
    text = page(owner_client)
    assert "The team" in text and "Olga Owner" in text
    assert "10 Ku coins" in text and "25 Ku coins" in text


def test_what_others_have_is_not_on_my_page(
    client: Client, stranger_client: Client, buy: Any
) -> None:
    order = buy("writing-pro-monthly")
    text = page(stranger_client)
    assert "Writing Pro" not in text and order.invoices.get().number not in text
    assert "Nothing bought yet" in text
    assert client.get(PLANS).headers["Location"].startswith("/account/login/")


def test_the_number_of_queries_stays_as_rows_double(
    owner_client: Client, account: Account, buy: Any, django_assert_max_num_queries: Any
) -> None:
    buy("writing-pro-monthly")
    page(owner_client)
    with django_assert_max_num_queries(12):
        page(owner_client)
    for number in range(30):
        credits.grant(account, 100, ref=f"gift-{number}")
    for _ in range(5):
        buy("writing-topup-10")
    buy("campaigns-starter")
    buy("prompts-basic-monthly")
    with django_assert_max_num_queries(12):
        page(owner_client)


# --- The provider's own page ------------------------------------------------------------------
def test_managing_at_the_provider_is_offered_where_it_has_a_page(
    owner_client: Client, account: Account, buy: Any, settings: Settings
) -> None:
    order = buy("writing-pro-monthly")
    settings.STRIPE_API_KEY = "sk_test_x"
    assert "Manage at Stripe" not in page(owner_client)
    Subscription.objects.filter(pk=order.subscription.pk).update(gateway="stripe")
    Customer.objects.create(account=account, gateway="stripe", ref="cus_1")
    assert "Manage at Stripe" in page(owner_client)


def test_the_providers_page_opens_for_those_who_run_the_account(
    client: Client, stranger_client: Client, stranger: User, account: Account, settings: Settings
) -> None:
    settings.STRIPE_API_KEY = "sk_test_x"
    Customer.objects.create(account=account, gateway="stripe", ref="cus_1")
    data = {"account": account.pk, "gateway": "stripe"}
    assert client.post(f"{PLANS}portal/", data).headers["Location"].startswith("/account/login/")
    assert stranger_client.post(f"{PLANS}portal/", data).status_code == 404
    Membership.objects.create(account=account, user=stranger, role=Role.MEMBER)
    assert stranger_client.post(f"{PLANS}portal/", data).status_code == 404


def test_the_owner_is_led_to_the_providers_page(
    owner_client: Client, account: Account, with_stripe: World
) -> None:
    customer_ref(order(account, offer()))  # this makes the customer
    data = {"account": account.pk, "gateway": "stripe"}
    answer = owner_client.post(f"{PLANS}portal/", data)
    assert answer.headers["Location"].startswith("https://billing.stripe.com/")
    with_stripe.fault("/v1/billing_portal/sessions", "500", times=9)
    answer = owner_client.post(f"{PLANS}portal/", data, follow=True)
    assert "be opened just now" in answer.content.decode()


@pytest.mark.parametrize("account_id", ["", "x", "-1", "9" * 30])
def test_an_odd_account_opens_nothing(owner_client: Client, account_id: str) -> None:
    data = {"account": account_id, "gateway": "sandbox"}
    assert owner_client.post(f"{PLANS}portal/", data).status_code == 404
