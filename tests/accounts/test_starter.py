"""Starter data: the demo key, the staff login, ADMIN_TOKEN."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.flows import starter
from accounts.models import ApiKey, Brand, User, digest_of
from billing.errors import KeyRefused, QuotaExhausted
from billing.flows import quotas

pytestmark = pytest.mark.django_db


def test_the_demo_key_has_50_units_a_day() -> None:
    starter.seed()
    assert quotas.charge("demo123", 50).remaining == 0
    with pytest.raises(QuotaExhausted):
        quotas.charge("demo123")


def test_there_is_no_demo_key_and_no_staff_login_in_production(settings: Settings) -> None:
    settings.IS_PRODUCTION = True
    starter.seed()
    assert not ApiKey.objects.exists()
    assert not User.objects.exists()


def test_the_staff_login_opens_the_admin(client: Client, settings: Settings) -> None:
    starter.seed()
    data = {"login": settings.STAFF_EMAIL, "password": settings.STAFF_PASSWORD}
    client.post("/account/login/", data)
    assert client.get("/admin/").status_code == 200


def test_admin_token_becomes_a_staff_key_stored_as_a_digest(settings: Settings) -> None:
    settings.ADMIN_TOKEN = "a-long-token-from-an-earlier-installation"
    starter.seed()
    starter.seed()
    key = ApiKey.objects.get(name="ADMIN_TOKEN")
    assert key.digest == digest_of(settings.ADMIN_TOKEN)
    assert key.scopes == "staff"
    with pytest.raises(KeyRefused):
        quotas.charge(settings.ADMIN_TOKEN)


def test_a_revoked_admin_token_stays_revoked(settings: Settings) -> None:
    settings.ADMIN_TOKEN = "a-long-token-from-an-earlier-installation"
    starter.seed()
    ApiKey.objects.filter(name="ADMIN_TOKEN").update(revoked_at="2026-01-01T00:00Z")
    starter.seed()
    assert ApiKey.objects.filter(name="ADMIN_TOKEN").count() == 1


def test_a_changed_admin_token_puts_an_end_to_the_earlier_one(settings: Settings) -> None:
    first, second = "the-first-token-of-this-installation", "the-second-token-of-it"
    for token in (first, second):
        settings.ADMIN_TOKEN = token
        starter.seed()
    assert quotas.standing(second, scope="staff").key.prefix == "ADMIN_TOKEN"
    with pytest.raises(KeyRefused, match="revoked"):
        quotas.standing(first, scope="staff")
    settings.ADMIN_TOKEN = ""
    starter.seed()
    with pytest.raises(KeyRefused, match="revoked"):
        quotas.standing(second, scope="staff")


def test_nothing_of_the_admin_token_is_stored(settings: Settings) -> None:
    settings.ADMIN_TOKEN = "a-long-token-from-an-earlier-installation"
    starter.seed()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_apikey")
        assert "a-lo" not in repr(cursor.fetchall())


def test_a_persons_key_of_that_name_is_left_alone(key: tuple[ApiKey, str]) -> None:
    ApiKey.objects.update(name="ADMIN_TOKEN")
    starter.seed()
    assert quotas.standing(key[1]).key.is_live


def test_the_admin_token_is_a_good_key_to_the_check(client: Client, settings: Settings) -> None:
    settings.ADMIN_TOKEN = "a-long-token-from-an-earlier-installation"
    starter.seed()
    headers = {"authorization": f"Bearer {settings.ADMIN_TOKEN}"}
    answer = client.get("/auth/check", headers=headers)
    assert (answer.status_code, answer.json()["scopes"]) == (200, ["staff"])
    assert client.get("/usage", headers=headers).status_code == 403


def test_the_staff_roles_and_the_brand_of_the_public_pages_are_there() -> None:
    starter.seed()
    assert set(Group.objects.values_list("name", flat=True)) == {
        "owner",
        "support",
        "marketing",
        "print",
    }
    assert Brand.objects.get(product="prompts").name == "Chaos Venice Productions"
