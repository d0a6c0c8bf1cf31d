"""A person signs up, confirms, makes a key, uses it, and finds back in."""

import re
from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, expect

from accounts.models import User
from tests.browser.conftest import PASSWORD

pytestmark = pytest.mark.usefixtures("words")


def newest_mail(page: Page, link: str) -> Page:
    """Open the newest mail of the outbox and follow its button; return the page it opens."""
    page.goto("/outbox/")
    page.locator(".mail-list__item").first.click()
    with page.expect_popup() as opened:
        page.frame_locator("iframe").get_by_role("link", name=link).click()
    opened.value.wait_for_load_state()
    return opened.value


def call(base_url: str, key: str) -> requests.Response:
    return requests.post(
        f"{base_url}/api/optimize",
        json={"idea": "a fox"},
        headers={"Authorization": f"Bearer {key}"},
        timeout=10,
    )


def test_from_sign_up_to_a_revoked_key(
    page: Page, base_url: str, clipboard: Callable[[], str]
) -> None:
    page.goto("/")
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("E-mail").fill("ida@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make an account").click()
    page.wait_for_url("**/account/")
    expect(page.get_by_text("Not confirmed")).to_be_visible()

    confirm = newest_mail(page, "Confirm my address")
    confirm.get_by_role("button", name="Yes, confirm it").click()
    page.goto("/account/")
    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()

    page.get_by_label("Name").fill("Studio site")
    page.get_by_role("button", name="Make a key").click()
    page.get_by_role("button", name="Copy the key").click()
    expect(page.get_by_role("button", name="Copy the key")).to_have_text("Copied")
    key = clipboard()
    assert key == page.locator("#new-key").inner_text()
    row = page.get_by_role("row", name="Studio site")
    expect(row).to_contain_text(re.compile(r"0\s+of 50"))
    page.reload()
    expect(page.locator("#new-key")).to_have_count(0)

    answer = call(base_url, key)
    assert (answer.status_code, answer.headers["RateLimit-Remaining"]) == (200, "49")
    assert "a fox" in answer.json()["prompt"]
    page.reload()
    expect(row).to_contain_text(re.compile(r"1\s+of 50"))
    assert row.locator("progress").evaluate("bar => bar.value / bar.max") == 1 / 50

    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Revoke Studio site").click()
    assert call(base_url, key).status_code == 200  # thought better of it
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke Studio site").click()
    expect(row).to_contain_text("Revoked")
    refused = call(base_url, key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "key_revoked")


def test_a_forgotten_password_is_replaced_through_the_mail(page: Page, owner: User) -> None:
    page.goto("/account/login/")
    page.get_by_role("link", name="Forgot it?").click()
    page.get_by_label("E-mail").fill(owner.email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    choose = newest_mail(page, "Choose a new password")
    choose.get_by_label("New Password", exact=True).fill("staple battery 9")
    choose.get_by_label("New Password (again)").fill("staple battery 9")
    choose.get_by_role("button", name="Save the password").click()
    expect(choose.get_by_role("heading", name="Password saved")).to_be_visible()

    for password, lets_in in ((PASSWORD, False), ("staple battery 9", True)):
        page.goto("/account/login/")
        page.get_by_label("E-mail").fill(owner.email)
        page.get_by_label("Password", exact=True).fill(password)
        page.get_by_role("button", name="Log in").click()
        if lets_in:
            page.wait_for_url("**/account/")
        else:
            expect(page.get_by_role("alert")).to_contain_text("not correct")
            expect(page.get_by_label("E-mail")).to_have_value(owner.email)


def test_sign_up_says_what_is_wrong_beside_the_field(page: Page) -> None:
    page.goto("/account/signup/")
    page.get_by_label("E-mail").fill("ida@example.org")
    page.get_by_label("Password").fill("12345678")
    page.get_by_role("button", name="Make an account").click()
    password = page.get_by_label("Password")
    expect(page.locator(".field", has=password)).to_contain_text("too common")
    expect(password).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("E-mail")).to_have_value("ida@example.org")
    assert not User.objects.exists()


def test_who_logs_out_is_out(page: Page, owner: User, log_in: Callable[[Page, User], None]) -> None:
    log_in(page, owner)
    page.locator("summary", has_text="Account").click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/")
    page.goto("/account/")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
