"""The shop: what is shown, what it costs here, and that pressing a button buys it once."""

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.flows import keys, signup
from accounts.models import Account, Membership, Role, User
from billing.flows import keyplans
from billing.forms import COUNTRIES
from billing.models import Offer, Order, OrderState, Price, Subscription, TaxRate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offers")]


def page(client: Client, address: str, **headers: Any) -> str:
    answer = client.get(address, **headers)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def form_of(client: Client, code: str, country: str = "") -> dict[str, str]:
    text = page(client, f"/buy/{code}?country={country}")
    hidden = dict(re.findall(r'name="(ticket|seen)" value="([^"]*)"', text))
    chosen = re.search(r'<option value="(\w\w)" selected', text)
    assert chosen
    return {**hidden, "country": chosen[1]}


def send(client: Client, code: str, **changes: str) -> Any:
    return client.post(f"/buy/{code}", {**form_of(client, code), **changes})


# --- The page of prices -----------------------------------------------------------------------
def test_every_published_offer_is_on_the_page_with_its_price(client: Client) -> None:
    text = page(client, "/buy")
    for offer in Offer.objects.published():
        assert f'href="/buy/{offer.code}"' in text
    assert "$49.99" in text and "14 days free, then $49.99 a month" in text
    assert "$0.04 per Ku coin" in text and "$0.033 per Ku coin" in text
    assert 'id="writing"' in text


def test_no_yearly_plan_claims_to_save_anything(client: Client) -> None:
    assert not re.search(r"\bsav(e|ing)|cheaper|discount|% off", page(client, "/buy").lower())


def test_what_is_not_published_is_not_shown_and_not_sold(client: Client) -> None:
    Offer.objects.filter(code="prompts-pro").update(published=False)
    assert "/buy/prompts-pro" not in page(client, "/buy").replace("/buy/prompts-pro-monthly", "")
    assert client.get("/buy/prompts-pro").status_code == 404


def test_an_empty_shop_says_so(client: Client) -> None:
    Offer.objects.update(published=False)
    assert "Nothing is for sale yet" in page(client, "/buy")


def test_without_a_provider_the_page_says_so_and_sells_nothing(
    client: Client, settings: Settings
) -> None:
    settings.IS_PRODUCTION = True
    text = page(client, "/buy")
    assert "Payments are not set up yet" in text and "/buy/prompts-basic" not in text
    assert "Payments are not set up yet" in page(client, "/buy/prompts-basic")


def test_who_has_a_plan_sees_it_instead_of_a_button(owner_client: Client, buy: Any) -> None:
    buy("writing-pro-monthly")
    text = page(owner_client, "/buy")
    assert "Your plan" in text
    assert "/buy/writing-pro-monthly" not in text and "/buy/writing-lite-monthly" not in text
    assert "/buy/writing-topup-10" in text and "/buy/campaigns-starter" in text


def test_who_has_a_plan_in_one_account_may_buy_it_for_another(
    owner_client: Client, owner: User, buy: Any
) -> None:
    team = Account.objects.create(kind=Account.Kind.TEAM, name="The team")
    Membership.objects.create(account=team, user=owner, role=Role.OWNER)
    buy("writing-pro-monthly", account=team)
    text = page(owner_client, "/buy")
    assert "Your plan" in text and "/buy/writing-pro-monthly" in text


def test_the_trial_is_not_promised_a_second_time(
    owner_client: Client, account: Account, buy: Any
) -> None:
    order = buy("campaigns-starter")
    order.subscription.state = "canceled"
    order.subscription.save()
    assert "14 days free" not in page(owner_client, "/buy")
    assert "free days" not in page(owner_client, "/buy/campaigns-starter")


def test_the_number_of_queries_stays_as_offers_double(
    owner_client: Client, django_assert_max_num_queries: Any
) -> None:
    page(owner_client, "/buy")
    for number in range(20):
        copy = Offer.objects.create(
            code=f"copy-{number}", kind="one_off", product="prompts", name="Copy",
            handler="billing.key",
        )  # fmt: skip
        price = Price.objects.create(
            offer=copy, amount=100, entitlement={"plan": "x", "daily_limit": 1, "days": 1}
        )
        Offer.objects.filter(pk=copy.pk).update(price=price, published=True)
    with django_assert_max_num_queries(6):
        page(owner_client, "/buy")
    with django_assert_max_num_queries(8):
        page(owner_client, "/buy/prompts-basic")


# --- One offer --------------------------------------------------------------------------------
def test_the_country_comes_from_the_browser_and_can_be_changed(client: Client) -> None:
    assert len(COUNTRIES) == 249
    text = page(client, "/buy/prompts-basic", headers={"Accept-Language": "de-AT,de;q=0.9"})
    assert '<option value="AT" selected' in text
    assert "not registered for tax in your country (Austria)" in text
    assert '<option value="FR" selected' in page(client, "/buy/prompts-basic?country=fr")
    assert '<option value="US" selected' in page(client, "/buy/prompts-basic?country=%F0%9F%A6%8A")


def test_tax_is_a_line_of_the_quote(client: Client) -> None:
    TaxRate.objects.create(country="DE", basis_points=1900)
    text = page(client, "/buy/prompts-basic?country=DE")
    assert "$1.44 of VAT (19 %, Germany)" in text
    Price.objects.update(includes_tax=False)
    text = page(client, "/buy/prompts-basic?country=DE")
    assert "VAT 19 %, Germany" in text and "$10.71" in text


def test_looking_at_another_country_keeps_what_was_typed_and_buys_nothing(client: Client) -> None:
    answer = send(client, "prompts-basic", email="ida@example.org", country="JP", again="1")
    text = answer.content.decode()
    assert (
        "not registered for tax in your country (Japan)" in text
        and 'value="ida@example.org"' in text
    )
    assert "field__error" not in text
    assert not Order.objects.exists()


def test_a_guest_buys_and_is_led_to_the_payment_page(client: Client) -> None:
    answer = send(client, "prompts-basic", email="Ida@Example.org")
    order = Order.objects.get()
    assert order.account.kind == Account.Kind.GUEST
    assert order.buyer["email"] == "ida@example.org"
    assert (order.state, order.total, order.author) == (OrderState.OPEN, 900, None)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"/test-payments/{order.checkout_ref}?key=")
    assert client.get(f"/orders/{order.uuid}/").status_code == 200
    assert Client().get(f"/orders/{order.uuid}/").status_code == 404


def test_a_signed_in_person_buys_for_their_account(
    owner_client: Client, owner: User, account: Account
) -> None:
    assert 'name="email"' not in page(owner_client, "/buy/prompts-basic")
    send(owner_client, "prompts-basic")
    order = Order.objects.get()
    assert (order.account, order.author) == (account, owner)
    assert order.buyer["name"] == "Olga Owner"


def test_who_manages_several_accounts_chooses_one(
    owner_client: Client, owner: User, account: Account
) -> None:
    team = Account.objects.create(kind=Account.Kind.TEAM, name="The team")
    other = Account.objects.create(kind=Account.Kind.TEAM, name="Only a member here")
    Membership.objects.create(account=team, user=owner, role=Role.ADMIN)
    Membership.objects.create(account=other, user=owner, role=Role.MEMBER)
    text = page(owner_client, "/buy/prompts-basic")
    assert "The team" in text and "Only a member here" not in text
    refused = send(owner_client, "prompts-basic", account=str(other.pk))
    assert refused.status_code == 200 and not Order.objects.exists()
    send(owner_client, "prompts-basic", account=str(team.pk))
    assert Order.objects.get().account == team


def test_a_form_sent_twice_is_one_order(client: Client) -> None:
    form = {**form_of(client, "prompts-basic"), "email": "ida@example.org"}
    first, second = client.post("/buy/prompts-basic", form), client.post("/buy/prompts-basic", form)
    assert first.headers["Location"] == second.headers["Location"]
    assert Order.objects.count() == 1


def test_a_form_sent_again_after_paying_leads_to_the_order(
    owner_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    form = form_of(owner_client, "prompts-basic")
    owner_client.post("/buy/prompts-basic", form)
    order = Order.objects.get()
    owner_client.post(f"/test-payments/{order.checkout_ref}", {"act": "pay"})
    owner_client.get(f"/orders/{order.uuid}/")
    again = owner_client.post("/buy/prompts-basic", form)
    assert again.headers["Location"] == f"/orders/{order.uuid}/"
    assert Order.objects.count() == 1


def test_a_price_that_changed_meanwhile_is_shown_before_anything_is_bought(client: Client) -> None:
    form = {**form_of(client, "prompts-basic"), "email": "ida@example.org"}
    Price.objects.filter(offer__code="prompts-basic").update(amount=1100)
    text = client.post("/buy/prompts-basic", form).content.decode()
    assert "The price is now $11.00" in text and "ida@example.org" in text
    assert not Order.objects.exists()
    client.post(
        "/buy/prompts-basic", {**form, "seen": re.findall(r'"seen" value="(.*?)"', text)[0]}
    )
    assert Order.objects.get().total == 1100


def test_another_country_on_the_same_form_is_another_order(client: Client) -> None:
    form = {**form_of(client, "prompts-basic"), "email": "ida@example.org"}
    client.post("/buy/prompts-basic", form)
    client.post("/buy/prompts-basic", {**form, "country": "JP"})
    assert [order.buyer["country"] for order in Order.objects.order_by("pk")] == ["US", "JP"]


def test_what_the_shop_refuses_is_said_in_the_form(
    owner_client: Client, place: Any, buy: Any
) -> None:
    form = form_of(owner_client, "writing-lite-monthly")
    buy("writing-pro-monthly")
    text = owner_client.post("/buy/writing-lite-monthly", form).content.decode()
    assert "You have Writing Pro, monthly already" in text
    assert Order.objects.count() == 1


def test_a_wrong_address_is_said_beside_the_field(client: Client) -> None:
    text = send(client, "prompts-basic", email="nobody").content.decode()
    assert "Enter a valid email address" in text and 'value="nobody"' in text
    assert not Account.objects.filter(kind=Account.Kind.GUEST).exists()


def test_a_one_off_may_extend_a_paid_key_of_mine(
    owner_client: Client, account: Account, buy: Any, stranger: User
) -> None:
    plan = buy("prompts-basic").key_plan
    assert "Extend" not in page(owner_client, "/buy/prompts-basic")
    owner_client.post(f"/orders/{plan.order.uuid}/", {"do": "claim"})
    plan.refresh_from_db()
    free, _ = keys.issue(account, name="Free one")
    text = page(owner_client, "/buy/prompts-basic")
    assert "Extend Basic plan" in text and "Free one" not in text
    assert "Extend" not in page(owner_client, "/buy/prompts-basic-monthly")
    assert send(owner_client, "prompts-basic", target=f"key:{free.pk}").status_code == 200
    send(owner_client, "prompts-basic", target=f"key:{plan.api_key_id}")
    assert Order.objects.first().target == f"key:{plan.api_key_id}"  # type: ignore[union-attr]


def test_only_a_key_bought_once_with_the_same_plan_is_offered(
    owner_client: Client, account: Account, buy: Any, staff: User
) -> None:
    once, monthly = buy("prompts-basic").key_plan, buy("prompts-basic-monthly").key_plan
    for plan in (once, monthly):
        keyplans.claim(plan)
    ours, _ = keyplans.issue_by_staff(
        account, plan="basic", daily_limit=50, days=9, email="", actor=staff, reason="Partner"
    )
    text = page(owner_client, "/buy/prompts-basic")
    assert f'value="key:{once.api_key_id}"' in text
    assert f'value="key:{monthly.api_key_id}"' not in text and f'"key:{ours.pk}"' not in text
    assert "Extend" not in page(owner_client, "/buy/prompts-pro")
    refused = send(owner_client, "prompts-basic", target=f"key:{monthly.api_key_id}")
    assert refused.status_code == 200 and Order.objects.count() == 2


def test_typing_an_address_in_does_not_tell_whether_it_had_a_trial(
    client: Client, buy: Any
) -> None:
    buy("campaigns-starter", account=signup.guest_account("ida@example.org"))
    Subscription.objects.update(state="canceled")
    typed = {"email": "ida@example.org", "again": "1"}
    assert "14 free days" in send(client, "campaigns-starter", **typed).content.decode()
    form = {**form_of(client, "campaigns-starter"), "email": "Ida@example.org"}
    text = client.post("/buy/campaigns-starter", form).content.decode()
    assert "Free days can&#x27;t be had for this order as it stands" in text
    assert "Go to payment: $49.99" in text
    assert Order.objects.count() == 1
    seen = re.findall(r'"seen" value="(.*?)"', text)[0]
    client.post("/buy/campaigns-starter", {**form, "seen": seen})
    assert [order.quote["trial_days"] for order in Order.objects.order_by("pk")] == [14, 0]


def test_buying_is_limited_per_visitor(client: Client) -> None:
    cache.clear()
    form = form_of(client, "prompts-basic")
    codes = {client.post("/buy/prompts-basic", form).status_code for _ in range(21)}
    assert codes == {200, 429}
