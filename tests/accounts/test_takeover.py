"""Somebody signs up with the address of another: the owner gets it, the stranger keeps nothing."""

import re
from urllib.parse import quote

import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.urls import reverse

from accounts import mailbox
from accounts.flows import keys, signup
from accounts.models import Account, ApiKey, Membership, User
from billing.errors import KeyRefused
from billing.flows import quotas
from tests.accounts.test_google import gina, sign_in, who
from tests.fakes.google import Google, Person

# Mails go out after the commit, so these tests commit.
pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct horse battery"
ADDRESS = "gina@example.org"
__all__ = ["gina"]


@pytest.fixture
def thief() -> Client:
    """A browser in which a stranger signed up with Gina's address."""
    browser = Client()
    browser.post("/account/signup/", {"email": ADDRESS, "password1": PASSWORD})
    assert who(browser) is not None
    return browser


@pytest.fixture
def guest() -> Account:
    """What Gina left as a guest."""
    return signup.guest_account(ADDRESS)


def link_to(address: str) -> str:
    text = next(mail.text for mail in mailbox.delivered() if mail.to == address)
    found = re.search(r"https?://[^/\s]+(/\S+)", text)
    assert found
    return found[1]


def reset(client: Client, address: str, password: str) -> None:
    client.post("/account/password/reset/", {"email": address})
    step = client.get(link_to(address))
    done = client.post(step.headers["Location"], {"password1": password, "password2": password})
    assert done.status_code == 302


def foothold() -> tuple[User, str]:
    """Everything a stranger could have set up on Gina's user by an earlier hole."""
    user = User.objects.get(email=ADDRESS)
    EmailAddress.objects.create(user=user, email="evil@attacker.org", verified=True)
    # As the hole was: the stranger's address is proven, Gina's is not.
    EmailAddress.objects.filter(user=user, email=ADDRESS).update(verified=False)
    SocialAccount.objects.create(user=user, provider="google", uid="666")
    _, text = keys.issue_free(signup.personal_account(user), name="k", author=user)
    return user, text


def test_google_hands_the_user_to_the_owner_and_nothing_stays_with_the_stranger(
    client: Client, gina: Google, thief: Client, guest: Account
) -> None:
    user, text = foothold()
    sign_in(client)
    assert who(client) == user
    assert list(EmailAddress.objects.values_list("email", "verified", "primary")) == [
        (ADDRESS, True, True)
    ]
    assert [row.uid for row in SocialAccount.objects.all()] == [gina.person.sub]
    with pytest.raises(KeyRefused, match="revoked"):
        quotas.charge(text)
    assert thief.get("/account/").status_code == 302  # the stranger's session is over
    login = thief.post("/account/login/", {"login": ADDRESS, "password": PASSWORD})
    assert login.status_code == 200
    thief.post("/account/password/reset/", {"email": "evil@attacker.org"})
    assert not any("/reset/key/" in mail.text for mail in mailbox.delivered())
    assert Account.objects.visible_to(user).filter(pk=guest.pk).exists()
    assert "no longer work" in client.get("/account/").content.decode()


def test_google_leaves_alone_who_had_proven_the_address(client: Client, gina: Google) -> None:
    user = User.objects.create_user(ADDRESS, PASSWORD)
    EmailAddress.objects.create(user=user, email=ADDRESS, verified=True, primary=True)
    EmailAddress.objects.create(user=user, email="second@example.org", verified=True)
    _, text = keys.issue_free(signup.personal_account(user), name="k", author=user)
    sign_in(client)
    assert EmailAddress.objects.filter(user=user).count() == 2
    assert quotas.charge(text).used == 1


def test_keys_made_for_others_outlive_the_proof_of_an_address(client: Client, gina: Google) -> None:
    user = User.objects.create_superuser(ADDRESS, PASSWORD)  # as `createsuperuser` makes one
    partner = Account.objects.create(kind=Account.Kind.TEAM, name="Partner")
    _, text = keys.issue(partner, name="k", author=user)
    sign_in(client)
    assert who(client) == user
    assert quotas.charge(text).used == 1


def test_who_only_noted_an_address_is_not_entered_by_its_owner(
    client: Client, gina: Google
) -> None:
    other = User.objects.create_user("other@example.org", PASSWORD)
    EmailAddress.objects.create(user=other, email=other.email, verified=True, primary=True)
    EmailAddress.objects.create(user=other, email=ADDRESS, verified=False)
    sign_in(client)
    assert who(client) not in (None, other)
    assert EmailAddress.objects.get(email=ADDRESS).user == who(client)


def test_a_reset_for_an_address_somebody_only_noted_opens_nothing(client: Client) -> None:
    other = User.objects.create_user("other@example.org", PASSWORD)
    EmailAddress.objects.create(user=other, email=other.email, verified=True, primary=True)
    EmailAddress.objects.create(user=other, email=ADDRESS, verified=False)
    client.post("/account/password/reset/", {"email": ADDRESS})
    assert not any("/reset/key/" in mail.text for mail in mailbox.delivered())


def test_more_addresses_and_sign_ins_only_after_the_first_address_is_proven(
    thief: Client, gina: Google
) -> None:
    added = {"action_add": "", "email": "evil@attacker.org"}
    assert "Confirm your address first" in thief.post("/account/email/", added).content.decode()
    gina.person = Person(sub="666", email="evil@attacker.org")
    leaving = thief.post(reverse("google_login") + "?process=connect")
    back = requests.get(leaving.headers["Location"], allow_redirects=False, timeout=5)
    refused = thief.get(back.headers["Location"])
    assert refused.headers["Location"] == "/account/email/"
    assert not SocialAccount.objects.exists()
    assert EmailAddress.objects.count() == 1
    EmailAddress.objects.update(verified=True)
    assert thief.post("/account/email/", added).status_code == 302
    assert EmailAddress.objects.count() == 2


def test_a_link_opened_by_who_is_not_signed_in_confirms_nothing_and_asks_to_log_in(
    client: Client, thief: Client, guest: Account
) -> None:
    link = link_to(ADDRESS)
    page = client.get(link).content.decode()
    assert f"/account/login/?next={quote(link)}" in page
    assert "Yes, confirm it" not in page
    answer = client.post(link)
    assert answer.headers["Location"].startswith("/account/login/?next=")
    assert not EmailAddress.objects.filter(verified=True).exists()
    assert not Membership.objects.filter(account=guest).exists()


def test_who_logs_in_first_confirms_and_gets_what_they_left(thief: Client, guest: Account) -> None:
    link, phone = link_to(ADDRESS), Client()
    answer = phone.post(
        f"/account/login/?next={link}", {"login": ADDRESS, "password": PASSWORD, "next": link}
    )
    assert answer.headers["Location"] == link
    assert "Yes, confirm it" in phone.get(link).content.decode()
    phone.post(link)
    assert EmailAddress.objects.get().verified
    assert Membership.objects.get(account=guest).user == User.objects.get()


def test_a_new_password_through_the_mail_puts_the_stranger_out(
    client: Client, thief: Client, guest: Account
) -> None:
    user = User.objects.get()
    _, text = keys.issue_free(signup.personal_account(user), name="k", author=user)
    reset(client, ADDRESS, "a new good one")
    assert EmailAddress.objects.get().verified
    assert thief.get("/account/").status_code == 302
    assert ApiKey.objects.live().count() == 0
    with pytest.raises(KeyRefused):
        quotas.charge(text)
    assert Membership.objects.get(account=guest).user == user
    data = {"login": ADDRESS, "password": "a new good one"}
    assert client.post("/account/login/", data).status_code == 302


def test_a_new_password_for_a_proven_person_takes_nothing_away(client: Client) -> None:
    user = User.objects.create_user(ADDRESS, PASSWORD)
    EmailAddress.objects.create(user=user, email=ADDRESS, verified=True, primary=True)
    _, text = keys.issue_free(signup.personal_account(user), name="k", author=user)
    reset(client, ADDRESS, "a new good one")
    assert quotas.charge(text).used == 1


@pytest.mark.parametrize("page", ["signup", "password/reset", "email"])
def test_an_address_longer_than_any_mail_server_takes_is_refused(
    owner_client: Client, owner: User, page: str
) -> None:
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    client = owner_client if page == "email" else Client()
    long = f"{'a' * 60}@{'.'.join(['b' * 50] * 4)}.example"
    assert len(long) > 254
    data = {"email": long, "password1": PASSWORD, "action_add": ""}
    response = client.post(f"/account/{page}/", data)
    assert response.status_code == 200
    assert "at most 254 characters" in response.content.decode()
    assert User.objects.count() == 1
