"""Encrypted columns."""

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from pytest_django import Settings

from accounts.models import OutgoingMail
from common.fields import UnreadableSecret, rotate

pytestmark = pytest.mark.django_db


def stored(mail: OutgoingMail) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM accounts_outgoingmail WHERE id = %s", [mail.pk])
        return str(cursor.fetchone()[0])


def sealed_mail(text: str) -> OutgoingMail:
    return OutgoingMail.objects.create(
        to_email="a@example.org", subject="s", carries_secret=True, sealed=text
    )


def test_the_database_never_sees_the_text() -> None:
    mail = sealed_mail("the link is https://example.org/secret")
    assert "secret" not in stored(mail)
    assert OutgoingMail.objects.get().sealed == "the link is https://example.org/secret"


def test_an_empty_text_stays_empty() -> None:
    assert stored(sealed_mail("")) == ""


def test_two_equal_texts_have_different_ciphertexts() -> None:
    assert stored(sealed_mail("same")) != stored(sealed_mail("same"))


def test_after_rotation_everything_is_readable_without_the_old_key(settings: Settings) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_KEYS = [old]
    sealed_mail("kept")
    settings.FIELD_KEYS = [new, old]
    assert rotate(OutgoingMail) == 1
    settings.FIELD_KEYS = [new]
    assert OutgoingMail.objects.get().sealed == "kept"


def test_a_text_whose_key_is_gone_says_so(settings: Settings) -> None:
    sealed_mail("lost")
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(UnreadableSecret, match=r"OutgoingMail\.sealed"):
        OutgoingMail.objects.get()


def test_a_secret_cannot_be_searched_for() -> None:
    with pytest.raises(Exception, match="Unsupported lookup"):
        OutgoingMail.objects.filter(sealed="x")
