"""A browser at a live server; whatever it complains about fails the test."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, WebError
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User

# Playwright's sync API runs an event loop in this thread, and Django asks about that.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
PASSWORD = "correct horse battery"
# A refusal by the policy is reported to the console by Chrome; this catches quiet ones too.
LISTEN = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} refused ${event.blockedURI}`));
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder; without the browser they are skipped."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
            if not Path(CHROMIUM).exists():
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed"))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Debian's Chromium; in a container it has neither its sandbox nor shared memory."""
    return {
        "executable_path": CHROMIUM,
        "args": [
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-background-networking",
        ],
    }


@pytest.fixture(scope="session")
def base_url(live_server: LiveServer) -> str:
    """The address that `page.goto("/")` starts from."""
    address: str = live_server.url
    return address


@pytest.fixture(autouse=True)
def place(settings: Settings, live_server: LiveServer, tmp_path: Path) -> None:
    """Links in mails lead to the live server, and the mails lie in a folder of this test's own."""
    settings.PUBLIC_BASE_URL = live_server.url
    settings.MAILBOX_DIR = tmp_path / "outbox"


class Watch:
    """Collects what browsers complain about. A test names the complaints it provokes."""

    def __init__(self) -> None:
        self.expected: list[str] = []
        self.heard: list[str] = []

    def over(self, context: BrowserContext) -> BrowserContext:
        """Listen to all pages of a context."""
        context.set_default_timeout(8000)
        context.add_init_script(LISTEN)
        context.on("console", self._console)
        context.on("weberror", self._error)
        return context

    def expect_status(self, *statuses: int) -> None:
        """Chrome writes a line for every answer of 400 and above; these are meant."""
        self.expected += [f"responded with a status of {status}" for status in statuses]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.heard.append(f"{message.text} ({message.location.get('url', '')})")

    def _error(self, error: WebError) -> None:
        self.heard.append(str(error.error))

    def unexpected(self) -> list[str]:
        """Return the complaints nobody announced."""
        return [
            text for text in self.heard if not any(re.search(part, text) for part in self.expected)
        ]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test when a browser complained."""
    watching = Watch()
    yield watching
    assert watching.unexpected() == []


@pytest.fixture
def context(
    live_server: LiveServer, watch: Watch, new_context: Callable[..., BrowserContext]
) -> BrowserContext:
    """A watched browser that may use the clipboard."""
    context = watch.over(new_context())
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    return context


@pytest.fixture
def plain(
    live_server: LiveServer, watch: Watch, new_context: Callable[..., BrowserContext]
) -> Page:
    """A page in a browser without script."""
    return watch.over(new_context(java_script_enabled=False)).new_page()


@pytest.fixture
def phone(
    live_server: LiveServer, watch: Watch, new_context: Callable[..., BrowserContext]
) -> Page:
    """A page that is 360 pixels wide, touched with fingers."""
    size = {"width": 360, "height": 740}
    return watch.over(new_context(viewport=size, has_touch=True, is_mobile=True)).new_page()


@pytest.fixture
def clipboard(page: Page) -> Callable[[], str]:
    """Reads what was copied."""
    return lambda: str(page.evaluate("navigator.clipboard.readText()"))


@pytest.fixture
def log_in() -> Callable[[Page, User], None]:
    """Signs somebody in through the form."""

    def through_the_form(page: Page, user: User) -> None:
        page.goto("/account/login/")
        page.get_by_label("E-mail").fill(user.email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/account/")

    return through_the_form
