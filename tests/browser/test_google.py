"""The Google button in a real browser: our policy must let its form redirect to Google."""

from collections.abc import Iterator
from copy import deepcopy

import pytest
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from accounts.models import User
from tests.browser.conftest import Watch
from tests.fakes.google import Google, google, use


@pytest.fixture
def gina(
    live_server: object, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Google]:
    """Gina's Google, and our button leading to it."""
    with google() as running:
        use(running, settings, monkeypatch)
        yield running


def allow_forms_to(settings: Settings, *origins: str) -> None:
    policy = deepcopy(settings.CONTENT_SECURITY_POLICY)
    policy["DIRECTIVES"]["form-action"] = ["'self'", *origins]
    settings.CONTENT_SECURITY_POLICY = policy


def test_one_press_signs_in_with_google(page: Page, gina: Google, settings: Settings) -> None:
    allow_forms_to(settings, gina.base)
    page.goto("/account/login/")
    page.get_by_role("button", name="Google").click()
    page.wait_for_url("**/account/")
    you = page.get_by_role("region", name="You")
    expect(you).to_contain_text("gina@example.org")
    expect(you).to_contain_text("Confirmed")
    expect(you).to_contain_text("None yet")  # no password
    assert User.objects.get().email == "gina@example.org"


def test_without_googles_address_in_the_policy_the_button_would_be_dead(
    page: Page, gina: Google, settings: Settings, watch: Watch
) -> None:
    watch.expected += ["form-action"]
    allow_forms_to(settings)
    page.goto("/account/login/")
    page.get_by_role("button", name="Google").click()
    page.wait_for_timeout(500)
    assert page.url.endswith("/account/login/")
    assert watch.heard
    assert gina.asked == []
