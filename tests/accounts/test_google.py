"""Signing in with Google, from our button to the account, against a strict Google on loopback."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken
from cryptography.hazmat.primitives.asymmetric import rsa
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts.flows import signup
from accounts.models import Account, Membership, OutgoingMail, Role, User
from tests.fakes.google import CLIENT_ID, Google, Person, google, use

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def gina(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    """Gina's Google, and our settings pointing at it."""
    with google() as running:
        use(running, settings, monkeypatch)
        yield running


def consent(client: Client) -> str:
    """Press our Google button and Google's; return the address the browser is sent back to."""
    leaving = client.post(reverse("google_login"))
    assert leaving.status_code == 302
    answer = requests.get(leaving.headers["Location"], allow_redirects=False, timeout=5)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def come_back(client: Client, address: str) -> HttpResponse:
    parts = urlsplit(address)
    response: HttpResponse = client.get(parts.path, dict(parse_qsl(parts.query)))
    return response


def sign_in(client: Client) -> HttpResponse:
    return come_back(client, consent(client))


def who(client: Client) -> User | None:
    found = client.session.get("_auth_user_id")
    return User.objects.get(pk=found) if found else None


def test_the_first_sign_in_makes_a_person_with_a_proven_address_and_an_account(
    client: Client, gina: Google
) -> None:
    assert sign_in(client).headers["Location"] == "/account/"
    user = User.objects.get(email="gina@example.org")
    assert who(client) == user
    assert user.name.startswith("Gina")
    assert not user.has_usable_password()
    assert EmailAddress.objects.get(user=user).verified
    assert Membership.objects.get(user=user).role == Role.OWNER
    assert Account.objects.personal_of(user) is not None
    assert client.get("/account/").status_code == 200
    assert not SocialToken.objects.exists()  # we ask who somebody is, and keep no way into Google
    assert not OutgoingMail.objects.filter(template__contains="email_confirmation").exists()


def test_it_works_where_google_sends_no_identity_token(client: Client, gina: Google) -> None:
    gina.with_id_token = False
    assert sign_in(client).headers["Location"] == "/account/"
    assert gina.asked == ["/auth", "/token", "/userinfo"]
    assert who(client) == User.objects.get(email="gina@example.org")


def test_the_first_sign_in_claims_what_a_guest_left_under_that_address(
    client: Client, gina: Google
) -> None:
    guest = signup.guest_account("Gina@Example.org")
    sign_in(client)
    guest.refresh_from_db()
    assert guest.claimed_at is not None
    assert Membership.objects.filter(account=guest, user=who(client), role=Role.OWNER).exists()


def test_an_address_google_has_not_proven_claims_nothing(client: Client, gina: Google) -> None:
    guest = signup.guest_account("gina@example.org")
    gina.person.email_verified = False
    sign_in(client)
    guest.refresh_from_db()
    assert guest.claimed_at is None


def test_the_second_sign_in_finds_the_same_person_even_under_a_new_address(
    client: Client, gina: Google
) -> None:
    sign_in(client)
    first = who(client)
    client.logout()
    gina.person.email = "gina.new@example.org"
    sign_in(client)
    assert first is not None and who(client) == first
    assert (User.objects.count(), SocialAccount.objects.count()) == (1, 1)


def test_a_person_with_a_password_and_the_same_proven_address_is_connected(
    client: Client, gina: Google
) -> None:
    user = User.objects.create_user("gina@example.org", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    sign_in(client)
    assert who(client) == user
    assert SocialAccount.objects.get(provider="google").user == user
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_who_took_an_address_without_proving_it_is_locked_out_by_its_owner(
    client: Client, gina: Google
) -> None:
    user = User.objects.create_user("gina@example.org", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=False, primary=True)
    sign_in(client)
    user.refresh_from_db()
    assert who(client) == user
    assert not user.check_password(PASSWORD)


def test_a_google_account_with_an_unproven_address_does_not_open_somebody_elses_account(
    client: Client, gina: Google
) -> None:
    user = User.objects.create_user("gina@example.org", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    gina.person = Person(sub="666", email_verified=False)
    sign_in(client)
    assert who(client) != user
    assert not SocialAccount.objects.filter(user=user).exists()


def refused(response: HttpResponse, words: str) -> None:
    """A clear page, and nobody was made."""
    page = response.content.decode()
    assert words in page
    assert reverse("account_login") in page
    assert not User.objects.exists()
    assert not SocialAccount.objects.exists()


def test_an_answer_that_was_not_asked_for_is_refused(client: Client, gina: Google) -> None:
    address = consent(client)
    forged = address.replace("state=", "state=x")
    refused(come_back(client, forged), "That log in did not work")
    assert gina.asked == ["/auth"]  # the code was not even tried


def test_an_answer_does_not_work_in_another_browser(client: Client, gina: Google) -> None:
    address = consent(client)
    refused(come_back(Client(), address), "That log in did not work")


def test_who_cancels_at_google_is_told_that_nothing_happened(client: Client, gina: Google) -> None:
    gina.refuses = True
    response = sign_in(client)
    assert response.status_code == 302
    refused(client.get(response.headers["Location"]), "You stopped the log in")
    assert gina.asked == ["/auth"]


def test_a_broken_google_gives_a_clear_page(client: Client, gina: Google) -> None:
    address = consent(client)
    gina.token_status = 500
    refused(come_back(client, address), "That log in did not work")
    assert gina.asked == ["/auth", "/token"]


def test_a_code_works_once(client: Client, gina: Google) -> None:
    address = consent(client)
    code = dict(parse_qsl(urlsplit(address).query))["code"]
    gina.codes.pop(code)
    refused(come_back(client, address), "That log in did not work")


def test_an_identity_for_another_client_is_refused(
    client: Client, gina: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    stolen = gina.id_token(aud="somebody-else")
    monkeypatch.setattr(gina, "id_token", lambda: stolen)
    refused(sign_in(client), "That log in did not work")


def by_token(client: Client, credential: str) -> HttpResponse:
    """What Google's own button posts to us, with its double-submit cookie."""
    client.cookies["g_csrf_token"] = "twice"
    sent = {"credential": credential, "g_csrf_token": "twice"}
    response: HttpResponse = client.post(reverse("google_login_by_token"), sent)
    return response


def test_a_signed_identity_signs_in_and_one_with_another_signature_does_not(
    client: Client, gina: Google
) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    refused(by_token(client, gina.id_token(stranger)), "That log in did not work")
    refused(by_token(client, gina.id_token(exp=1)), "That log in did not work")
    assert by_token(client, gina.id_token()).status_code == 302
    assert who(client) == User.objects.get(email="gina@example.org")
    assert "/certs" in gina.asked


def test_a_link_to_google_from_elsewhere_asks_first(client: Client, gina: Google) -> None:
    page = client.get(reverse("google_login")).content.decode()
    assert "Continue with Google" in page
    assert gina.asked == []


def test_the_button_is_there_only_where_google_is_set_up(
    client: Client, settings: Settings
) -> None:
    assert "Google" not in client.get("/account/login/").content.decode()
    settings.GOOGLE_CLIENT_ID = CLIENT_ID
    settings.SOCIALACCOUNT_PROVIDERS = {"google": Google(base="http://127.0.0.1:9").provider}
    for page in ("/account/login/", "/account/signup/"):
        assert "Google" in client.get(page).content.decode()


PRINT_FORM_ACTION = (
    "from config.settings import CONTENT_SECURITY_POLICY as policy;"
    "print(*policy['DIRECTIVES']['form-action'])"
)


@pytest.mark.parametrize(
    ("client_id", "expected"), [("", "'self'"), ("x", "'self' https://accounts.google.com")]
)
def test_browsers_may_follow_the_form_to_google_only_where_it_is_set_up(
    project: Path, client_id: str, expected: str
) -> None:
    environment = os.environ | {"ATELIER_ENV": "test", "GOOGLE_CLIENT_ID": client_id}
    told = subprocess.run(
        [sys.executable, "-c", PRINT_FORM_ACTION],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert told.stdout.strip() == expected, told.stderr
