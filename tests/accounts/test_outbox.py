"""The outbox page of development."""

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import mailbox
from accounts.flows import mail

pytestmark = pytest.mark.django_db


@pytest.fixture
def delivered() -> mailbox.Delivered:
    message = EmailMultiAlternatives("Hello", "In words", None, ["reader@example.org"])
    message.attach_alternative("<p>In HTML</p><script>alert(1)</script>", "text/html")
    mail.deliver(mail.enqueue(message).pk)
    return mailbox.delivered()[0]


def test_the_empty_outbox_says_so(client: Client) -> None:
    assert client.get("/outbox/").status_code == 200


def test_the_outbox_lists_and_shows_a_mail(client: Client, delivered: mailbox.Delivered) -> None:
    assert "Hello" in client.get("/outbox/").content.decode()
    assert "In words" in client.get(f"/outbox/{delivered.id}/").content.decode()


def test_the_html_of_a_mail_runs_nothing(client: Client, delivered: mailbox.Delivered) -> None:
    body = client.get(f"/outbox/{delivered.id}/body/")
    policy = body.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_a_mail_that_is_not_there_is_not_found(client: Client) -> None:
    assert client.get("/outbox/nothing/").status_code == 404


def test_without_the_privilege_there_is_no_outbox(
    client: Client, settings: Settings, delivered: mailbox.Delivered
) -> None:
    settings.OUTBOX_PAGE = False
    for address in ("/outbox/", f"/outbox/{delivered.id}/", f"/outbox/{delivered.id}/body/"):
        assert client.get(address).status_code == 404
