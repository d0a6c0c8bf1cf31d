"""The mail outbox: stored first, sent once, tried again, never silently lost."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.core.context import request_context
from cryptography.fernet import Fernet
from django.core.mail import EmailMessage, EmailMultiAlternatives, send_mail
from django.db import connection, transaction
from django.test import RequestFactory
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer

from accounts import mailbox
from accounts.errors import AccountsError
from accounts.flows import mail
from accounts.models import Brand, MailAttempt, OutgoingMail, User
from common.jobs import JobState, sweep
from tests.fakes.smtp import Inbox, smtp_server

pytestmark = pytest.mark.django_db
Commit = Callable[..., Any]


@pytest.fixture
def inbox(settings: Settings) -> Iterator[Inbox]:
    """A mail server, and settings that point to it."""
    with smtp_server() as server:
        settings.MAIL_TRANSPORT = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_USE_TLS, settings.EMAIL_TIMEOUT = False, 3
        yield server


@pytest.fixture
def sendgrid(settings: Settings, httpserver: HTTPServer) -> HTTPServer:
    """A SendGrid, and settings that point to it."""
    settings.MAIL_TRANSPORT = "anymail.backends.sendgrid.EmailBackend"
    settings.ANYMAIL = {
        "SENDGRID_API_KEY": "SG.test",
        "SENDGRID_API_URL": httpserver.url_for("/v3/"),
        "REQUESTS_TIMEOUT": (1, 1),
    }
    return httpserver


def stored(**fields: Any) -> OutgoingMail:
    message = EmailMultiAlternatives("Hello", "In words", None, ["reader@example.org"])
    message.attach_alternative("<p>In HTML</p>", "text/html")
    return mail.enqueue(message, **fields)


def delivered(row: OutgoingMail) -> OutgoingMail:
    mail.deliver(row.pk)
    return OutgoingMail.objects.get(pk=row.pk)


def test_everything_that_uses_djangos_mail_writes_a_row_and_sends_nothing_yet(inbox: Inbox) -> None:
    send_mail("Subject", "Body", "a@example.org", ["b@example.org"])
    row = OutgoingMail.objects.get()
    assert (row.subject, row.to_email, row.state) == ("Subject", "b@example.org", JobState.QUEUED)
    assert inbox.mails == []


@pytest.mark.django_db(transaction=True)
def test_a_mail_is_sent_after_the_commit_and_not_at_all_after_a_rollback(inbox: Inbox) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        stored()
        raise RuntimeError
    assert not OutgoingMail.objects.exists()
    with transaction.atomic():
        stored()
        assert inbox.mails == []
    assert len(inbox.mails) == 1


def test_a_mail_arrives_whole(inbox: Inbox) -> None:
    message = EmailMultiAlternatives(
        "Grüße 👋",
        "In words",
        "Sender <s@example.org>",
        ["reader@example.org"],
        cc=["c@example.org"],
        reply_to=["r@example.org"],
        headers={"X-Order": "7"},
    )
    message.attach_alternative("<p>In HTML</p>", "text/html")
    message.attach("bill.pdf", b"%PDF-1.7", "application/pdf")
    row = delivered(mail.enqueue(message))
    assert row.state == JobState.SUCCEEDED
    got = inbox.mails[0]
    assert (got["Subject"], got["X-Order"], got["Reply-To"]) == ("Grüße 👋", "7", "r@example.org")
    assert got.get_body(("html",)).get_content().strip() == "<p>In HTML</p>"
    assert [part.get_content() for part in got.iter_attachments()] == [b"%PDF-1.7"]
    assert row.dedupe_key in got["Message-ID"]


def test_the_same_dedupe_key_is_sent_once(inbox: Inbox) -> None:
    first, second = stored(dedupe_key="order:1:paid"), stored(dedupe_key="order:1:paid")
    assert first.pk == second.pk
    delivered(first)
    delivered(first)
    assert len(inbox.mails) == 1


def test_a_busy_server_is_asked_again_after_2_10_and_60_minutes(inbox: Inbox) -> None:
    inbox.answers = ["451 busy"] * 4
    row = stored()
    waits = []
    for _ in range(4):
        with time_machine.travel(row.run_after, tick=False):
            now = timezone.now()
            row = delivered(row)
            waits.append(round((row.run_after - now).total_seconds() / 60))
    assert waits[:3] == [2, 10, 60]
    assert row.state == JobState.FAILED
    assert list(MailAttempt.objects.values_list("number", "outcome")) == [
        (1, "retry"),
        (2, "retry"),
        (3, "retry"),
        (4, "retry"),
    ]


@pytest.mark.parametrize("where", ["answers", "recipient_answers"])
def test_a_final_no_fails_at_once(inbox: Inbox, where: str) -> None:
    setattr(inbox, where, ["550 no such mailbox"])
    row = delivered(stored())
    assert (row.state, row.attempts) == (JobState.FAILED, 1)


def test_a_line_that_breaks_while_sending_leaves_the_mail_unsure(inbox: Inbox) -> None:
    inbox.answers = ["hang up"]
    row = delivered(stored())
    assert row.state == JobState.UNSURE
    assert OutgoingMail.objects.needing_attention().get() == row


def test_a_mail_whose_server_is_down_goes_out_when_it_is_back(settings: Settings) -> None:
    with smtp_server() as server:
        port = server.port
    settings.MAIL_TRANSPORT = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", port, False
    row = delivered(stored())
    assert row.state == JobState.QUEUED
    with smtp_server(port) as back, time_machine.travel(timezone.now() + timedelta(minutes=3)):
        sweep()
        assert len(back.mails) == 1
    assert OutgoingMail.objects.get().state == JobState.SUCCEEDED


def test_sendgrid_gets_the_mail(sendgrid: HTTPServer) -> None:
    sendgrid.expect_request("/v3/mail/send", method="POST").respond_with_data(
        "", status=202, headers={"X-Message-Id": "sg-1"}
    )
    row = delivered(stored())
    assert row.state == JobState.SUCCEEDED
    request = sendgrid.log[0][0]
    assert request.headers["Authorization"] == "Bearer SG.test"
    assert request.get_json()["subject"] == "Hello"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (400, JobState.FAILED),
        (401, JobState.FAILED),
        (408, JobState.UNSURE),
        (429, JobState.QUEUED),
        (503, JobState.QUEUED),
        (500, JobState.UNSURE),
    ],
)
def test_each_answer_of_sendgrid_has_its_meaning(
    sendgrid: HTTPServer, status: int, state: JobState
) -> None:
    sendgrid.expect_request("/v3/mail/send").respond_with_json({"errors": []}, status=status)
    assert delivered(stored()).state == state


def test_sendgrid_not_answering_leaves_the_mail_unsure(sendgrid: HTTPServer) -> None:
    def sleep(request: Any) -> Any:
        import time

        time.sleep(2)

    sendgrid.expect_request("/v3/mail/send").respond_with_handler(sleep)
    assert delivered(stored()).state == JobState.UNSURE


def test_sendgrid_out_of_reach_is_asked_again(settings: Settings) -> None:
    settings.MAIL_TRANSPORT = "anymail.backends.sendgrid.EmailBackend"
    settings.ANYMAIL = {"SENDGRID_API_KEY": "k", "SENDGRID_API_URL": "http://127.0.0.1:9/v3/"}
    assert delivered(stored()).state == JobState.QUEUED


def test_without_a_provider_mails_wait_and_a_check_says_so(settings: Settings) -> None:
    from accounts.checks import mail_can_leave

    settings.MAIL_TRANSPORT = ""
    assert delivered(stored()).state == JobState.QUEUED
    assert [message.id for message in mail_can_leave(None)] == ["accounts.W001"]


def test_a_worker_that_died_while_sending_leaves_the_mail_unsure_not_sent_twice(
    inbox: Inbox,
) -> None:
    row = stored()
    mine = OutgoingMail.objects.claim(row.pk)
    mine.renew(handed_over_at=timezone.now())
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        sweep()
    assert OutgoingMail.objects.get().state == JobState.UNSURE
    assert inbox.mails == []


def test_a_ring_before_the_sweep_does_not_send_a_doubtful_mail_again(inbox: Inbox) -> None:
    row = stored()
    mine = OutgoingMail.objects.claim(row.pk)
    mine.renew(handed_over_at=timezone.now())
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        assert delivered(row).state == JobState.RUNNING
        assert OutgoingMail.objects.release_silent() == 1
    assert OutgoingMail.objects.get().state == JobState.UNSURE
    assert inbox.mails == []


def test_a_worker_that_died_before_sending_is_replaced(inbox: Inbox) -> None:
    OutgoingMail.objects.claim(stored().pk)
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        sweep()
    assert len(inbox.mails) == 1


def test_a_mail_with_a_secret_is_encrypted_and_emptied_when_sent(inbox: Inbox) -> None:
    message = EmailMessage("Reset", "https://x/secret-link", None, ["reader@example.org"])
    row = mail.enqueue(message, carries_secret=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_outgoingmail")
        assert "secret-link" not in repr(cursor.fetchall())
    row = delivered(row)
    assert "secret-link" in inbox.mails[0].get_content()
    assert (row.sealed, row.content) == ("", {})
    with pytest.raises(AccountsError, match="emptied"):
        mail.message_of(row)


def test_a_failed_mail_can_be_sent_again(inbox: Inbox) -> None:
    inbox.answers = ["550 no"]
    row = delivered(stored())
    mail.resend(row)
    row = delivered(OutgoingMail.objects.get())
    assert row.state == JobState.SUCCEEDED
    assert MailAttempt.objects.count() == 2


def secret(**fields: Any) -> OutgoingMail:
    message = EmailMessage("Reset", "https://x/secret-link", None, ["reader@example.org"])
    template = "account/email/password_reset_key"
    return mail.enqueue(message, template=template, carries_secret=True, **fields)


@pytest.fixture
def reader(db: None) -> User:
    return User.objects.create_user("reader@example.org", "correct horse battery")


@pytest.mark.parametrize("state", ["failed", "unsure", "succeeded"])
def test_a_mail_with_a_secret_is_replaced_once_and_emptied(reader: User, state: str) -> None:
    row = secret()
    OutgoingMail.objects.filter(pk=row.pk).update(state=state)
    row.refresh_from_db()
    with request_context(RequestFactory().get("/")):
        mail.resend(row)
        for _ in range(2):
            with pytest.raises(AccountsError, match="replaced"):
                mail.resend(row)
    row.refresh_from_db()
    assert (row.state, row.sealed) == (JobState.CANCELLED, "")
    assert OutgoingMail.objects.exclude(pk=row.pk).count() == 1


def test_a_mail_whose_new_link_cannot_be_made_stays_for_staff_to_see() -> None:
    row = secret()
    OutgoingMail.objects.filter(pk=row.pk).update(state=JobState.FAILED)
    row.refresh_from_db()
    with request_context(RequestFactory().get("/")), pytest.raises(AccountsError, match="Nobody"):
        mail.resend(row)
    row.refresh_from_db()
    assert row.state == JobState.FAILED


@pytest.mark.parametrize(
    ("answers", "state", "kept"),
    [
        (["hang up"], JobState.UNSURE, False),
        (["550 no"], JobState.FAILED, False),
        (["451 busy"], JobState.QUEUED, True),
    ],
)
def test_a_secret_is_kept_only_while_it_may_still_be_sent(
    inbox: Inbox, answers: list[str], state: JobState, kept: bool
) -> None:
    inbox.answers = answers
    row = delivered(secret())
    assert (row.state, bool(row.sealed)) == (state, kept)


@pytest.mark.parametrize("attempts", [0, 3])
def test_a_silent_worker_leaves_no_secret_that_nobody_will_send(attempts: int) -> None:
    worn, doubtful = secret(), secret()
    OutgoingMail.objects.update(attempts=attempts)
    OutgoingMail.objects.claim(worn.pk)
    OutgoingMail.objects.claim(doubtful.pk).renew(handed_over_at=timezone.now())
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        OutgoingMail.objects.release_silent()
    worn, doubtful = (OutgoingMail.objects.get(pk=row.pk) for row in (worn, doubtful))
    assert (doubtful.state, doubtful.sealed) == (JobState.UNSURE, "")
    assert (worn.state, bool(worn.sealed)) == (
        (JobState.FAILED, False) if attempts else (JobState.QUEUED, True)
    )


def test_a_mail_sealed_with_a_dropped_key_fails_with_a_word_to_staff(
    settings: Settings, inbox: Inbox
) -> None:
    row = secret()
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    row = delivered(row)
    assert row.state == JobState.FAILED
    assert "FIELD_KEYS" in row.error
    assert MailAttempt.objects.get().outcome == "refused"
    assert inbox.mails == []


def test_one_unreadable_mail_does_not_keep_the_others_from_being_retried(
    settings: Settings, reader: User
) -> None:
    secret(dedupe_key="lost")
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    secret(dedupe_key="lost")  # asked for again: the old row is found, and not read
    stored()
    OutgoingMail.objects.update(state=JobState.FAILED)
    with request_context(RequestFactory().get("/")):
        assert mail.retry_all() == 2
    assert not OutgoingMail.objects.filter(state=JobState.FAILED).exists()


def test_a_mail_under_way_is_not_sent_again() -> None:
    with pytest.raises(AccountsError, match="on its way"):
        mail.resend(stored())


def test_retry_all_queues_every_failed_mail_and_no_other(inbox: Inbox) -> None:
    inbox.answers = ["550 no", "550 no", "250 OK"]
    for _ in range(3):
        delivered(stored())
    assert mail.retry_all() == 2
    assert OutgoingMail.objects.filter(state=JobState.QUEUED).count() == 2


def test_development_delivers_to_the_local_mailbox() -> None:
    delivered(stored())
    got = mailbox.delivered()[0]
    assert (got.subject, got.to) == ("Hello", "reader@example.org")
    assert got.html.strip() == "<p>In HTML</p>"
    assert mailbox.read(got.id) == got
    assert mailbox.read("../secret-key") is None


def test_a_template_becomes_a_mail_with_both_parts() -> None:
    row = mail.send(
        "tests/greeting", to="reader@example.org", context={"name": "Ada"}, dedupe_key="greet:1"
    )
    assert row.subject == "Hello Ada"
    assert row.content["text"].strip() == "Good to see you, Ada."
    assert "<p>Good to see you, Ada.</p>" in row.content["html"]


def test_a_mail_comes_from_the_brands_sender(inbox: Inbox, settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "Atelier <hello@atelier.example>"
    brand = Brand(
        name="Shop", sender_name="Žofie\nBcc: x@y.example", sender_email="zo@shop.example"
    )
    words = {"to": "reader@example.org", "context": {"name": "Ada"}}
    for number, worn in enumerate((brand, Brand(name="Bare", sender_name="Bare"), None)):
        delivered(mail.send("tests/greeting", dedupe_key=f"greet:{number}", brand=worn, **words))
    senders = [got["From"].addresses[0] for got in inbox.mails]
    assert [(sender.display_name, sender.addr_spec) for sender in senders] == [
        ("Žofie Bcc: x@y.example", "zo@shop.example"),
        ("Bare", "hello@atelier.example"),
        ("Atelier", "hello@atelier.example"),
    ]
    assert all(got["Bcc"] is None for got in inbox.mails)
