"""Colours people choose, hands that never leave the keyboard, and screens of 360 pixels."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from accounts.models import ApiKey, User
from tests.browser.conftest import Watch
from tests.browser.test_staff import write

# --ground of static/css/variables.css
DARK, LIGHT = "rgb(12, 13, 16)", "rgb(247, 247, 249)"


def test_chosen_colours_are_kept_and_drawn_by_the_server(page: Page, plain: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/account/login/?next=/account/")
    body = page.locator("body")
    expect(body).to_have_css("background-color", DARK)
    page.get_by_role("button", name="Light").click()
    page.wait_for_url("**/account/login/?next=/account/")
    expect(body).to_have_css("background-color", LIGHT)
    expect(page.get_by_role("button", name="Light")).to_have_attribute("aria-pressed", "true")
    # Written by the server, so that no page flashes in the wrong colours.
    assert 'data-theme="light"' in page.request.get("/account/signup/").text()
    page.get_by_role("button", name="Colours of your device").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "auto")
    expect(body).to_have_css("background-color", DARK)

    plain.goto("/account/login/")
    plain.get_by_role("button", name="Dark").click()
    expect(plain.locator("html")).to_have_attribute("data-theme", "dark")


# What has the focus: its name, whether it can be seen on the screen, and how it is marked.
FOCUS = """() => {
  const here = document.activeElement, box = here.getBoundingClientRect();
  const style = getComputedStyle(here);
  return {
    name: (here.getAttribute("aria-label") || here.labels?.[0]?.innerText || here.innerText).trim(),
    id: here.id,
    seen: box.width > 0 && box.top >= 0 && box.bottom <= innerHeight,
    marked: parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== "none",
  };
}"""


def tab(page: Page) -> dict[str, Any]:
    page.keyboard.press("Tab")
    focus: dict[str, Any] = page.evaluate(FOCUS)
    assert focus["seen"], focus
    assert focus["marked"], focus
    return focus


@pytest.mark.usefixtures("words")
def test_everything_works_with_the_keyboard_alone(page: Page) -> None:
    page.goto("/")
    assert tab(page)["name"] == "Skip to the content"
    names = [tab(page)["name"] for _ in range(7)]
    assert names == ["Atelier", "Optimizer", "API", "Prices", "Outbox", "Log in", "Sign up"]
    page.goto("/")
    tab(page)
    page.keyboard.press("Enter")
    assert tab(page)["id"] == "id_idea"
    page.keyboard.type("a fox asleep")
    order = [tab(page)["name"] for _ in range(12)]
    assert order[0].startswith("Aspect ratio")
    assert order[-2:] == ["Advanced", "Make prompts"] or order[-1].startswith("Make prompts")
    page.keyboard.press("Enter")
    expect(page.locator("#prompt-text")).to_contain_text("a fox asleep")
    assert page.evaluate("document.activeElement.id") == "result"
    assert tab(page)["name"] == "Copy the prompt"
    page.keyboard.press("Enter")
    expect(page.locator("[data-copy=prompt-text]")).to_have_text("Copied")


def test_a_menu_closes_with_escape_and_gives_the_focus_back(
    page: Page, owner: User, log_in: Callable[[Page, User], None]
) -> None:
    log_in(page, owner)
    menu = page.locator("details.menu--person")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(menu.get_by_role("button", name="Log out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu.get_by_role("button", name="Log out")).to_be_hidden()
    expect(menu.locator("summary")).to_be_focused()


# Elements that stick out of the page on the right and are in no box that scrolls by itself.
STICKING_OUT = """() => {
  const width = document.documentElement.clientWidth;
  const boxed = (element) => {
    for (let up = element; up && up !== document.documentElement; up = up.parentElement) {
      if (getComputedStyle(up).overflowX !== "visible") return true;
    }
    return false;
  };
  return [...document.body.querySelectorAll("*")]
    .filter((element) => element.getBoundingClientRect().right > width + 1 && !boxed(element))
    .map((element) => `${element.tagName.toLowerCase()}.${element.className}`).slice(0, 5);
}"""


def fits(page: Page) -> None:
    """Nothing scrolls sideways, and nothing is cut off at the right edge."""
    assert page.evaluate("innerWidth") == 360, page.url  # a wider page is zoomed out on a phone
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, page.url
    assert page.evaluate(STICKING_OUT) == [], page.url


LONG = (
    "an elderly lighthouse keeper in a yellow raincoat, Donaudampfschifffahrtsgesellschaft, "
    "anime, photorealistic, wide shot, moody, teal and orange, 35mm film, rain streaks"
)


@pytest.mark.usefixtures("words")
def test_the_pages_of_a_visitor_fit_a_phone(phone: Page, watch: Watch) -> None:
    watch.expect_status(404, 403)
    addresses = ["/", "/account/login/", "/account/signup/", "/account/password/reset/"]
    for address in [*addresses, "/outbox/", "/api/docs/", "/nothing-here"]:
        phone.goto(address)
        fits(phone)
    phone.goto("/")
    phone.get_by_label("What do you want to see?").fill(LONG)
    phone.get_by_role("button", name="Make prompts").click()
    expect(phone.locator("#prompt-text")).to_be_visible()
    for fold in phone.locator("main summary").all():
        fold.click()
    fits(phone)
    phone.get_by_label("Menu").click()
    expect(phone.get_by_role("link", name="Log in").last).to_be_visible()
    fits(phone)


def test_the_pages_of_a_person_fit_a_phone(
    phone: Page, owner: User, log_in: Callable[[Page, User], None]
) -> None:
    log_in(phone, owner)
    phone.get_by_label("Name").fill("A name as long as people write when they are asked for one")
    phone.get_by_role("button", name="Make a key").click()
    expect(phone.locator("#new-key")).to_be_visible()
    fits(phone)
    assert ApiKey.objects.count() == 1
    write("A subject that is rather longer than what fits into one line of a phone")
    for address in ("/account/email/", "/account/password/change/", "/account/logout/", "/outbox/"):
        phone.goto(address)
        fits(phone)
    phone.locator(".mail-list__item").first.click()
    expect(phone.locator("iframe")).to_be_visible()
    fits(phone)


@pytest.mark.usefixtures("words")
def test_the_pages_of_staff_fit_a_phone(
    phone: Page, staff: User, log_in: Callable[[Page, User], None], settings: Settings
) -> None:
    log_in(phone, staff)
    row = write("News")
    for address in (
        "/admin/",
        "/admin/prompts/term/",
        "/admin/prompts/term/add/",
        "/admin/prompts/vocabularyversion/",
        "/admin/prompts/vocabularyversion/preview/",
        "/admin/accounts/outgoingmail/",
        f"/admin/accounts/outgoingmail/{row.pk}/change/",
        "/admin/accounts/apikey/",
    ):
        phone.goto(address)
        fits(phone)


def test_the_watch_over_these_tests_hears_what_the_policy_refuses(page: Page, watch: Watch) -> None:
    page.goto("/account/login/")
    assert watch.heard == []
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.evaluate("setTimeout(() => { throw new Error('broken script'); })")
    page.wait_for_timeout(200)
    assert any("style-src" in text for text in watch.unexpected())
    assert any("broken script" in text for text in watch.unexpected())
    watch.expected += ["style-src", "broken script"]
