"""Somebody buys, in a real browser: one of each kind, a refund, a dispute, a declined card."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Account, ApiKey, User
from billing.flows import catalogue
from billing.models import Order, OrderState, Subscription, Wallet

KEY = re.compile(r"^atelier_test_\S+_[0-9a-f]{8}$")


@pytest.fixture(autouse=True)
def shop(transactional_db: None) -> None:
    """A shop with the starter offers."""
    catalogue.load_starter()


def choose(page: Page, name: str) -> None:
    """Go from the prices to the payment page of an offer."""
    page.goto("/buy")
    page.get_by_role("link", name=name, exact=True).click()
    page.locator(".checkout__go").click()
    page.wait_for_url("**/test-payments/**")
    expect(page.get_by_text("Test payments. No money moves.")).to_be_visible()


def play(page: Page, act: str) -> None:
    """Press a button of the test payment."""
    page.get_by_role("button", name=act, exact=True).click()


def said(page: Page, words: str) -> None:
    """Wait until the order's page says it."""
    expect(page.locator(".state")).to_contain_text(words)


def test_a_guest_buys_a_key_and_takes_it_from_the_order_page(
    page: Page, clipboard: Callable[[], str]
) -> None:
    page.goto("/buy")
    page.get_by_role("link", name="Buy Pro key", exact=True).click()
    page.get_by_label("E-mail").fill("ida@example.org")
    page.locator(".checkout__go").click()
    page.wait_for_url("**/test-payments/**")
    play(page, "Pay")
    said(page, "Paid. Thank you!")
    page.get_by_role("button", name="Show my key").click()
    page.get_by_role("button", name="Copy the key").click()
    assert KEY.match(clipboard())
    assert ApiKey.objects.get(plan="pro").daily_limit == 200
    page.goto(page.url)
    expect(page.locator("#new-key")).to_have_count(0)
    page.get_by_role("link", name=re.compile(r"^AT-[\d-]+$")).click()
    expect(page.get_by_text("TEST – no money was paid")).to_be_visible()


def test_the_link_in_the_mail_shows_the_key_once(page: Page) -> None:
    page.goto("/buy/prompts-basic")
    page.get_by_label("E-mail").fill("ida@example.org")
    page.locator(".checkout__go").click()
    page.wait_for_url("**/test-payments/**")
    play(page, "Pay")
    said(page, "Paid. Thank you!")
    page.goto("/outbox/")
    page.locator(".mail-list__item", has_text="Your API key is ready").first.click()
    frame = page.frame_locator("iframe")
    with page.expect_popup() as opened:
        frame.get_by_role("link").first.click()
    claim = opened.value
    claim.wait_for_load_state()
    expect(claim.get_by_role("heading", name="Your API key is ready")).to_be_visible()
    assert not ApiKey.objects.filter(plan="basic").exists()
    claim.get_by_role("button", name="Show my key").click()
    assert KEY.match(claim.locator("#new-key").inner_text())


def test_one_of_each_kind_is_bought(
    page: Page, owner: User, account: Account, log_in: Callable[[Page, User], None]
) -> None:
    log_in(page, owner)
    for name, words in (
        ("Buy Basic key", "Paid. Thank you!"),
        ("Subscribe to Writing Pro, monthly", "Paid. Thank you!"),
        ("Buy 10 Ku coins", "Paid. Thank you!"),
        ("Try Campaigns Starter", "Your free days have begun"),
    ):
        choose(page, name)
        play(page, "Pay")
        said(page, words)
    assert {order.state for order in Order.objects.all()} == {OrderState.PAID}
    assert Wallet.objects.get(account=account).balance == 151000
    page.goto("/account/plans/")
    expect(page.get_by_text("1,510 Ku coins")).to_be_visible()
    expect(page.get_by_text("0 of 100 used")).to_be_visible()
    page.goto("/buy#writing")
    card = page.locator(".offer", has_text="Writing Pro, monthly")
    expect(card).to_contain_text("Your plan")


def test_a_refund_takes_the_coins_back(
    page: Page, owner: User, account: Account, log_in: Callable[[Page, User], None]
) -> None:
    log_in(page, owner)
    choose(page, "Buy 50 Ku coins")
    play(page, "Pay")
    expect(page.get_by_text("You have 50 Ku coins now.")).to_be_visible()
    page.get_by_role("link", name="Open the test payment").click()
    play(page, "Refund")
    page.get_by_role("link", name=re.compile("^Order")).click()
    said(page, "Paid back")
    expect(page.get_by_role("cell", name="−$5.00")).to_be_visible()
    assert Wallet.objects.get(account=account).balance == 0


def test_a_lost_dispute_ends_what_was_bought(
    page: Page, owner: User, log_in: Callable[[Page, User], None]
) -> None:
    log_in(page, owner)
    choose(page, "Buy Basic key")
    play(page, "Pay")
    page.get_by_role("button", name="Show my key").click()
    expect(page.locator("#new-key")).to_be_visible()
    page.get_by_role("link", name="Open the test payment").click()
    play(page, "Dispute")
    play(page, "Lose the dispute")
    page.get_by_role("link", name=re.compile("^Order")).click()
    said(page, "Your bank took the payment back")
    assert ApiKey.objects.get(plan="basic").revoked_at is not None


def test_after_a_declined_card_the_buyer_tries_again(
    page: Page, owner: User, log_in: Callable[[Page, User], None]
) -> None:
    log_in(page, owner)
    choose(page, "Buy 10 Ku coins")
    play(page, "Decline")
    said(page, "The payment did not go through")
    page.get_by_role("button", name="Try again").click()
    page.wait_for_url("**/test-payments/**")
    play(page, "Pay")
    said(page, "Paid. Thank you!")
    assert Order.objects.get().attempt == 2


def test_a_waiting_page_finds_out_by_itself(
    page: Page, owner: User, log_in: Callable[[Page, User], None]
) -> None:
    log_in(page, owner)
    choose(page, "Buy 10 Ku coins")
    play(page, "Pay later")
    said(page, "Your payment is on its way")
    other = page.context.new_page()
    other.goto(f"/test-payments/{Order.objects.get().checkout_ref}")
    play(other, "The money arrives")
    other.close()
    expect(page.locator(".state")).to_contain_text("Paid. Thank you!", timeout=12000)


def test_a_renewal_that_fails_begins_the_grace(
    page: Page, owner: User, log_in: Callable[[Page, User], None]
) -> None:
    log_in(page, owner)
    choose(page, "Subscribe to Writing Lite, monthly")
    play(page, "Pay")
    page.get_by_role("link", name="Open the test payment").click()
    play(page, "Fail the renewal")
    expect(page.get_by_text("Done: fail the renewal.")).to_be_visible()
    page.goto("/account/plans/")
    expect(page.get_by_text("The last payment did not go through")).to_be_visible()
    assert Subscription.objects.get().state == "past_due"


def test_the_country_changes_the_price_at_once(page: Page) -> None:
    page.goto("/buy/prompts-basic?country=DE")
    page.get_by_label("E-mail").fill("ida@example.org")
    page.get_by_label("Country").select_option("JP")
    expect(page.locator("[data-quote]")).to_contain_text("Japan")
    expect(page.get_by_label("E-mail")).to_have_value("ida@example.org")


def test_buying_needs_no_script(plain: Page) -> None:
    plain.goto("/buy/writing-topup-10")
    plain.get_by_label("E-mail").fill("ida@example.org")
    plain.get_by_label("Country").select_option("FR")
    plain.get_by_role("button", name="Show the price there").click()
    expect(plain.locator("[data-quote]")).to_contain_text("France")
    plain.locator(".checkout__go").click()
    plain.wait_for_url("**/test-payments/**")
    play(plain, "Pay later")
    said(plain, "Your payment is on its way")
    plain.goto(f"/test-payments/{Order.objects.get().checkout_ref}")
    play(plain, "The money arrives")
    plain.get_by_role("link", name=re.compile("^Order")).click()
    said(plain, "Paid. Thank you!")


def test_nothing_is_wider_than_a_phone(phone: Page, base_url: str) -> None:
    phone.goto("/buy/campaigns-starter")
    phone.get_by_label("E-mail").fill("ida@example.org")
    phone.locator(".checkout__go").click()
    phone.wait_for_url("**/test-payments/**")
    addresses = ["/buy", "/buy/campaigns-starter", phone.url]
    play(phone, "Pay")
    said(phone, "Your free days have begun")
    for address in (*addresses, phone.url):
        phone.goto(address)
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not phone.evaluate(wide), address
