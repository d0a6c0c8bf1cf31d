"""Staff change a word and look after mail."""

from collections.abc import Callable

import pytest
from django.core.mail import EmailMultiAlternatives
from playwright.sync_api import Page, expect

from accounts import mailbox
from accounts.flows import mail
from accounts.models import OutgoingMail, User
from tests.browser.conftest import PASSWORD, Watch

Enter = Callable[[str], Page]


@pytest.fixture
def enter(page: Page, staff: User) -> Enter:
    """Opens a staff page as a member of staff, by way of the login it sends strangers to."""

    def through_the_login(address: str) -> Page:
        page.goto(address)
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        page.get_by_label("E-mail").fill(staff.email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"**{address}")
        return page

    return through_the_login


@pytest.mark.usefixtures("words")
def test_a_word_that_staff_change_is_used_at_once(enter: Enter) -> None:
    page = enter("/admin/")
    page.get_by_role("link", name="Terms", exact=True).first.click()
    page.locator("#searchbar").fill("watercolor")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="watercolor", exact=True).click()
    page.locator("#id_text").fill("glimmerwash")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("Published as vocabulary")
    page.goto("/")
    page.get_by_label("Style").select_option("glimmerwash")
    page.get_by_label("What do you want to see?").fill("a fox")
    page.get_by_role("button", name="Make prompts").click()
    expect(page.locator(".slots__row.slot--style")).to_contain_text("glimmerwash")
    expect(page.locator("#prompt-text")).to_contain_text("glimmerwash")


@pytest.mark.usefixtures("words")
def test_staff_try_the_vocabulary_on_an_idea(enter: Enter) -> None:
    page = enter("/admin/prompts/vocabularyversion/")
    page.get_by_role("link", name="Try it on an idea").click()
    page.get_by_label("Idea").fill("a lighthouse, watercolor")
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_role("row", name="watercolor")).to_contain_text("You wrote this")


def write(subject: str) -> OutgoingMail:
    """Queue a mail and let it go out."""
    message = EmailMultiAlternatives(subject, "In words", None, ["reader@example.org"])
    message.attach_alternative("<h1>In colour</h1>", "text/html")
    row = mail.enqueue(message)
    mail.deliver(row.pk)
    return row


def test_staff_see_a_mail_as_its_reader_did_and_send_it_again(enter: Enter) -> None:
    write("Spring news")
    page = enter("/admin/accounts/outgoingmail/")
    page.get_by_role("link", name="Spring news").click()
    frame = page.frame_locator("iframe.mail-preview")
    expect(frame.get_by_role("heading", name="In colour")).to_be_visible()
    page.get_by_role("button", name="Send again").click()
    expect(page.locator(".messagelist")).to_contain_text("is on its way")
    assert len(mailbox.delivered()) == 2


def test_staff_send_everything_that_failed_again_with_one_button(enter: Enter) -> None:
    for subject in ("One", "Two"):
        write(subject)
    OutgoingMail.objects.update(state="failed")
    page = enter("/admin/accounts/outgoingmail/")
    page.get_by_role("button", name="Retry all 2 failed").click()
    expect(page.locator(".messagelist")).to_contain_text("2 failed mails are on their way again")
    expect(page.locator("#result_list .field-state")).to_have_text(["Done", "Done"])
    assert len(mailbox.delivered()) == 4
    expect(page.get_by_role("button", name="Retry all")).to_have_count(0)


def test_a_person_who_is_not_staff_is_told_so(
    page: Page, watch: Watch, owner: User, log_in: Callable[[Page, User], None]
) -> None:
    watch.expect_status(403)
    log_in(page, owner)
    page.goto("/admin/")
    expect(page.get_by_role("heading", name="This is not yours to see")).to_be_visible()
