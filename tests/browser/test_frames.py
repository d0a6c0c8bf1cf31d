"""The frame around a mail: its links work, everything else in it is dead."""

from collections.abc import Callable

import pytest
from django.core.mail import EmailMultiAlternatives
from playwright.sync_api import Page, expect

from accounts.flows import mail
from accounts.models import User
from tests.browser.conftest import Watch

HOSTILE = """
<h1>Offer</h1>
<a href="{base}/account/login/">Follow me</a>
<script>parent.document.title = "taken"; document.title = "ran";</script>
<img src="data:image/png;base64,none" onerror="parent.document.title = 'taken'">
<form action="{base}/theme" method="post"><button>Send</button></form>
"""


@pytest.fixture
def hostile(live_server: object, base_url: str, db: None) -> int:
    """A mail that tries what a mail must not."""
    message = EmailMultiAlternatives("Offer", "In words", None, ["reader@example.org"])
    message.attach_alternative(HOSTILE.format(base=base_url), "text/html")
    row = mail.enqueue(message)
    mail.deliver(row.pk)
    return int(row.pk)


@pytest.mark.parametrize("door", ["outbox", "admin"])
def test_links_of_a_mail_open_outside_its_frame_and_nothing_of_it_runs(
    page: Page,
    watch: Watch,
    hostile: int,
    staff: User,
    log_in: Callable[[Page, User], None],
    door: str,
) -> None:
    watch.expected += ["Blocked script execution", "Blocked form submission", "frame is sandboxed"]
    if door == "admin":
        log_in(page, staff)
        page.goto(f"/admin/accounts/outgoingmail/{hostile}/change/")
    else:
        page.goto("/outbox/")
        page.locator(".mail-list__item").first.click()
    title = page.title()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Offer")).to_be_visible()
    here = page.url
    frame.get_by_role("button", name="Send").click()
    with page.expect_popup() as opened:
        frame.get_by_role("link", name="Follow me").click()
    # The page it opens is an ordinary one again: not sandboxed, so its script runs.
    opened.value.wait_for_load_state()
    assert opened.value.evaluate("window.origin") != "null"
    assert opened.value.evaluate("window.opener") is None
    assert (page.url, page.title()) == (here, title)
