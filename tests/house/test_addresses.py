"""Every address is classified, and tried as a stranger and as another user."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import ApiKey, OutgoingMail
from tests.billing.conftest import buy, offers, place

__all__ = ["buy", "offers", "place"]

pytestmark = pytest.mark.django_db

PUBLIC, SIGNED_IN, OWNER, STAFF, MACHINE = "public", "signed-in", "owner", "staff", "machine"
BUYER = "buyer"

# The route of each pattern, as Django writes it, and who it is for. A prefix ending in "*" covers
# a framework's own addresses.
CLASSES = {
    "": PUBLIC,
    "robots.txt": PUBLIC,
    "theme": PUBLIC,
    "media/<path:path>": PUBLIC,
    "api/docs/": PUBLIC,
    "api/schema/": PUBLIC,
    "optimize": MACHINE,
    "api/optimize": MACHINE,
    "api/v1/*": MACHINE,
    "auth/check": MACHINE,
    "usage": MACHINE,
    "checkout/create": PUBLIC,  # buying needs no sign-up: see tests/billing/test_checkout.py
    "create-checkout-session": PUBLIC,
    "stripe/webhook": PUBLIC,  # signed by Stripe: see tests/billing/test_inbox.py
    "stripe-webhook": PUBLIC,
    "account/": SIGNED_IN,
    "account/keys/<int:pk>/revoke/": OWNER,
    "account/plans/": SIGNED_IN,
    "account/plans/portal/": OWNER,
    "buy": PUBLIC,
    "buy/<slug:code>": PUBLIC,
    # These are for the account's members and the browser that bought: guests buy without a login,
    # so strangers get a 404, here below and in tests/billing.
    "orders/<uuid:uuid>/": BUYER,
    "orders/<uuid:uuid>/state": BUYER,
    "invoices/<int:pk>/": BUYER,
    "invoices/<int:pk>.pdf": BUYER,
    "test-payments/<str:ref>": BUYER,  # development only: see test_test_payments.py
    "claim/<str:token>": PUBLIC,  # whoever has the link: see test_claim_page.py
    "outbox/*": PUBLIC,  # development only: see test_outbox.py
    "account/signup/": PUBLIC,
    "account/login/": PUBLIC,
    "account/login/code/confirm/": PUBLIC,
    "account/logout/": PUBLIC,
    "account/inactive/": PUBLIC,
    "account/reauthenticate/": SIGNED_IN,
    "account/email/": SIGNED_IN,
    "account/confirm-email/*": PUBLIC,
    "account/password/change/": SIGNED_IN,
    "account/password/set/": SIGNED_IN,
    "account/password/reset/*": PUBLIC,
    "account/3rdparty/": SIGNED_IN,
    "account/3rdparty/login/cancelled/": PUBLIC,
    "account/3rdparty/login/error/": PUBLIC,
    "account/3rdparty/signup/": PUBLIC,
    "account/social/*": PUBLIC,  # allauth's redirects from its old addresses
    "account/google/*": PUBLIC,
    "admin/login/": PUBLIC,
    "admin/*": STAFF,
}


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + re.sub(r"\\Z$|^\^|\$$", "", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route


def class_of(route: str) -> str:
    if route in CLASSES:
        return CLASSES[route]
    fits = [name for name in CLASSES if name.endswith("*") and route.startswith(name[:-1])]
    return CLASSES[max(fits, key=len)] if fits else ""


ALL = sorted(set(routes(get_resolver().url_patterns)))


def example(route: str) -> str:
    """Return an address that fits a route."""
    path = re.sub(r"<int:\w+>", "1", route)
    path = re.sub(r"<uuid:\w+>", str(UUID(int=1)), path)
    path = re.sub(r"\(\?P<\w+>[^)]*\)", "1", path)
    path = re.sub(r"<path:\w+>|<\w+:\w+>|<\w+>", "x", path)
    return "/" + path.replace("\\", "").replace("/?", "/")


def test_every_address_is_classified() -> None:
    assert [route for route in ALL if not class_of(route)] == []


def test_the_table_names_no_address_that_is_gone() -> None:
    exact = [name for name in CLASSES if not name.endswith("*")]
    assert [name for name in exact if name not in ALL] == []


@pytest.mark.parametrize("route", [r for r in ALL if class_of(r) in (SIGNED_IN, OWNER)])
def test_a_stranger_is_sent_to_the_login(client: Client, route: str) -> None:
    for method in ("get", "post", "put", "delete"):
        response = getattr(client, method)(example(route))
        assert response.status_code in (302, 405), (method, response.status_code)
        if response.status_code == 302:
            assert response.headers["Location"].startswith("/account/login/")


@pytest.mark.parametrize("route", [r for r in ALL if class_of(r) == BUYER])
def test_what_was_bought_is_shown_to_its_buyer_only(
    client: Client, stranger_client: Client, owner_client: Client, buy: Any, route: str
) -> None:
    order = buy("prompts-basic")
    address = "/" + (
        route.replace("<uuid:uuid>", str(order.uuid))
        .replace("<int:pk>", str(order.invoices.get().pk))
        .replace("<str:ref>", order.checkout_ref)
    )
    assert owner_client.get(address).status_code == 200
    for who in (client, stranger_client):
        for method in ("get", "post"):
            assert getattr(who, method)(address).status_code in (404, 405)
            assert getattr(who, method)(example(route)).status_code in (404, 405)


@pytest.mark.parametrize("route", [r for r in ALL if class_of(r) == STAFF])
def test_the_admin_is_for_staff(client: Client, owner_client: Client, route: str) -> None:
    for who in (client, owner_client):
        for method in ("get", "post"):
            response = getattr(who, method)(example(route))
            # The login itself answers a signed-in person who is not staff with 403.
            assert response.status_code in (302, 403, 404), (method, response.status_code)


@pytest.mark.parametrize("route", [r for r in ALL if class_of(r) == MACHINE])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_machine_without_a_key_is_refused_in_its_own_language(
    client: Client, route: str, method: str
) -> None:
    response = getattr(client, method)(example(route))
    assert response.status_code in (401, 405)
    assert response.json()["error"]["code"] in ("key_missing", "method_not_allowed")


def test_another_user_cannot_revoke_my_key(
    owner_client: Client, stranger_client: Client, key: tuple[ApiKey, str]
) -> None:
    address = reverse("billing:revoke-key", args=[key[0].pk])
    assert stranger_client.post(address).status_code == 404
    key[0].refresh_from_db()
    assert key[0].revoked_at is None
    assert owner_client.get(address).status_code == 405
    assert owner_client.post(address).status_code == 302
    key[0].refresh_from_db()
    assert key[0].revoked_at is not None


def test_another_users_keys_are_not_on_my_page(
    stranger_client: Client, key: tuple[ApiKey, str]
) -> None:
    page = stranger_client.get("/account/").content.decode()
    assert key[0].prefix not in page


def test_a_mail_body_is_for_staff_who_may_see_mails(owner_client: Client) -> None:
    mail = OutgoingMail.objects.create(to_email="a@example.org", subject="s", content={"html": "x"})
    address = reverse("admin:accounts_outgoingmail_body", args=[mail.pk])
    assert owner_client.get(address).status_code in (302, 403)
