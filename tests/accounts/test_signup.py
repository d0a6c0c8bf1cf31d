"""Sign-up, verification, login, reset, and what belongs to whom."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import mailbox
from accounts.flows import signup
from accounts.models import Account, Membership, OutgoingMail, Role, User

# Mails go out after the commit, so these tests commit.
pytestmark = pytest.mark.django_db(transaction=True)
SIGNUP = {"email": "New@Example.org", "password1": "correct horse battery"}


def link_in(text: str) -> str:
    found = re.search(r"https?://[^/\s]+(/\S+)", text)
    assert found
    return found[1]


def newest_mail() -> mailbox.Delivered:
    return mailbox.delivered()[0]


def test_sign_up_logs_in_at_once_and_makes_a_personal_account(client: Client) -> None:
    response = client.post("/account/signup/", SIGNUP)
    assert response.status_code == 302
    user = User.objects.get()
    assert user.email == "new@example.org"
    assert client.get("/account/").status_code == 200
    account = Account.objects.personal_of(user)
    assert account is not None
    assert account.name == "new"
    assert not EmailAddress.objects.get().verified


def test_verification_is_asked_for_at_once_and_a_get_changes_nothing(client: Client) -> None:
    client.post("/account/signup/", SIGNUP)
    link = link_in(newest_mail().text)
    assert client.get(link).status_code == 200
    assert not EmailAddress.objects.get().verified
    client.post(link)
    assert EmailAddress.objects.get().verified


def test_a_verification_mail_keeps_its_secret(client: Client) -> None:
    client.post("/account/signup/", SIGNUP)
    row = OutgoingMail.objects.get()
    assert row.carries_secret
    assert (row.content, row.sealed) == ({}, "")


def test_a_wrong_password_says_so_and_a_right_one_signs_in(client: Client, owner: User) -> None:
    wrong = client.post("/account/login/", {"login": owner.email, "password": "wrong"})
    assert wrong.status_code == 200
    assert b"not correct" in wrong.content
    right = client.post(
        "/account/login/", {"login": owner.email, "password": "correct horse battery"}
    )
    assert right.status_code == 302
    assert right.headers["Location"] == "/account/"


def test_logging_in_is_limited_per_account_and_address(
    client: Client, owner: User, settings: Settings
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/5m/key"}
    cache.clear()
    for _ in range(3):
        client.post("/account/login/", {"login": owner.email, "password": "wrong"})
    blocked = client.post(
        "/account/login/", {"login": owner.email, "password": "correct horse battery"}
    )
    assert blocked.status_code == 200
    assert b"Too many failed login attempts" in blocked.content


def test_a_forgotten_password_is_replaced_by_mail(client: Client, owner: User) -> None:
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    client.post("/account/password/reset/", {"email": owner.email})
    step = client.get(link_in(newest_mail().text))
    new = {"password1": "another good one", "password2": "another good one"}
    assert client.post(step.headers["Location"], new).status_code == 302
    owner.refresh_from_db()
    assert owner.check_password("another good one")


def test_a_reset_for_nobody_looks_the_same_as_one_for_somebody(client: Client, owner: User) -> None:
    known = client.post("/account/password/reset/", {"email": owner.email})
    unknown = client.post("/account/password/reset/", {"email": "nobody@example.org"})
    assert (known.status_code, known.headers["Location"]) == (
        unknown.status_code,
        unknown.headers["Location"],
    )


def test_signing_up_twice_says_so_and_makes_no_second_person(client: Client, owner: User) -> None:
    response = client.post("/account/signup/", {**SIGNUP, "email": owner.email.upper()})
    assert b"already registered" in response.content
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("template", "prepare", "address"),
    [
        ("account/email/email_confirmation_signup", "signup", "new@example.org"),
        ("account/email/password_reset_key", "reset", "owner@example.org"),
    ],
)
def test_resending_a_secret_mail_makes_a_new_link(
    client: Client, owner: User, staff_client: Client, template: str, prepare: str, address: str
) -> None:
    if prepare == "signup":
        client.post("/account/signup/", SIGNUP)
    else:
        client.post("/account/password/reset/", {"email": owner.email})
    first = OutgoingMail.objects.get(template=template)
    response = staff_client.post(f"/admin/accounts/outgoingmail/{first.pk}/resend/")
    assert response.status_code == 302
    mails = OutgoingMail.objects.filter(to_email=address, template__startswith=template[:25])
    assert mails.count() == 2
    assert len(mailbox.delivered()) == 2


def test_a_proven_address_claims_what_a_guest_left(client: Client) -> None:
    guest = signup.guest_account("new@example.org")
    client.post("/account/signup/", SIGNUP)
    user = User.objects.get()
    assert not Account.objects.visible_to(user).filter(pk=guest.pk).exists()
    client.post(link_in(newest_mail().text))
    guest.refresh_from_db()
    assert guest.claimed_at is not None
    assert Membership.objects.get(account=guest).role == Role.OWNER
    assert Account.objects.visible_to(user).count() == 2


def test_a_guest_has_one_account_until_it_is_claimed(owner: User) -> None:
    first = signup.guest_account("Guest@example.org")
    assert signup.guest_account("guest@example.org") == first
    signup.claim_guests(owner, "guest@example.org")
    assert signup.guest_account("guest@example.org") != first


def test_what_was_bought_as_a_guest_after_the_proof_is_there_at_the_next_login(
    client: Client,
) -> None:
    client.post("/account/signup/", SIGNUP)
    EmailAddress.objects.update(verified=True)
    client.post("/account/logout/")
    guest = signup.guest_account("new@example.org")
    client.post("/account/login/", {"login": SIGNUP["email"], "password": SIGNUP["password1"]})
    assert Account.objects.visible_to(User.objects.get()).filter(pk=guest.pk).exists()


def test_a_claimed_guest_cannot_be_claimed_again(owner: User, stranger: User) -> None:
    guest = signup.guest_account("guest@example.org")
    assert signup.claim_guests(owner, "guest@example.org") == 1
    assert signup.claim_guests(stranger, "guest@example.org") == 0
    assert not Account.objects.visible_to(stranger).filter(pk=guest.pk).exists()


def test_a_person_has_one_personal_account(owner: User) -> None:
    assert signup.personal_account(owner) == signup.personal_account(owner)
    assert Account.objects.count() == 1


def test_rows_are_visible_to_members_only(
    owner: User, stranger: User, key: tuple[Any, str], django_user_model: Any
) -> None:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import ApiKey

    assert ApiKey.objects.visible_to(owner).count() == 1
    assert not ApiKey.objects.visible_to(stranger).exists()
    assert not ApiKey.objects.visible_to(AnonymousUser()).exists()


def test_addresses_are_the_same_in_any_case(owner: User) -> None:
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="OWNER@example.org")


def test_the_theme_is_remembered_and_never_sends_away(client: Client) -> None:
    response = client.post("/theme", {"theme": "light", "next": "//evil.example"})
    assert response.headers["Location"] == "/"
    assert response.cookies["theme"].value == "light"
    assert client.post("/theme", {"theme": "nonsense"}).cookies.get("theme") is None
