"""The claim page: looking takes nothing, the button shows the key once."""

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import ApiKey, User, digest_of
from billing.models import KeyPlan
from tests.billing.conftest import play

pytestmark = pytest.mark.django_db
KEY = re.compile(r"atelier_test_\S+?_[0-9a-f]{8}\b")
TOKEN = "a-token-of-the-mail"


@pytest.fixture
def plan(buy: Any) -> KeyPlan:
    """A paid key that nobody has taken yet, with a link we know."""
    plan: KeyPlan = buy("prompts-basic").key_plan
    KeyPlan.objects.filter(pk=plan.pk).update(claim_digest=digest_of(TOKEN))
    return plan


def test_looking_says_what_it_brings_and_takes_nothing(client: Client, plan: KeyPlan) -> None:
    for method in (client.get, client.head, client.get):
        answer = method(f"/claim/{TOKEN}")
        assert answer.status_code == 200
    text = answer.content.decode()
    assert "Basic" in text and "50" in text and plan.expires_at.strftime("%Y") in text
    assert not ApiKey.objects.filter(plan="basic").exists()


def test_the_button_shows_the_key_once(client: Client, plan: KeyPlan) -> None:
    answer = client.post(f"/claim/{TOKEN}")
    text = KEY.search(answer.content.decode())
    assert text is not None
    key = ApiKey.objects.get(plan="basic")
    assert key.digest == digest_of(text[0]) and key.author is None
    again = client.post(f"/claim/{TOKEN}")
    assert again.status_code == 409 and not KEY.search(again.content.decode())
    assert "shown already" in client.get(f"/claim/{TOKEN}").content.decode()
    assert ApiKey.objects.filter(plan="basic").count() == 1


def test_who_is_signed_in_becomes_the_author(
    owner_client: Client, owner: User, plan: KeyPlan
) -> None:
    owner_client.post(f"/claim/{TOKEN}")
    assert ApiKey.objects.get(plan="basic").author == owner


def test_nothing_of_the_page_is_kept_or_told_to_other_sites(client: Client, plan: KeyPlan) -> None:
    for answer in (client.get(f"/claim/{TOKEN}"), client.post(f"/claim/{TOKEN}"),
                   client.get("/claim/other")):  # fmt: skip
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "same-origin"


def test_the_form_is_guarded_against_other_sites(plan: KeyPlan) -> None:
    assert Client(enforce_csrf_checks=True).post(f"/claim/{TOKEN}").status_code == 403
    plan.refresh_from_db()
    assert plan.claimed_at is None


def test_a_link_nobody_knows_is_said_in_words(client: Client) -> None:
    for method in (client.get, client.post):
        answer = method("/claim/made-up")
        assert answer.status_code == 404
        assert "know this link" in answer.content.decode()


def test_a_key_that_was_paid_back_cannot_be_claimed(
    client: Client, plan: KeyPlan, django_capture_on_commit_callbacks: Any
) -> None:
    play(plan.order, "refund", django_capture_on_commit_callbacks)
    assert "paid back" in client.post(f"/claim/{TOKEN}").content.decode()
    assert not ApiKey.objects.filter(plan="basic").exists()


def test_guessing_is_limited(client: Client) -> None:
    cache.clear()
    codes = [client.get(f"/claim/guess-{number}").status_code for number in range(21)]
    assert codes.count(429) == 1
