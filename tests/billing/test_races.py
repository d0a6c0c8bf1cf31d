"""Quotas under real concurrency: many connections at once, each with its own transaction."""

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections

from accounts.flows import keys, signup
from accounts.models import Account, ApiKey, Membership, OutgoingMail, User
from billing.errors import QuotaExhausted
from billing.flows import quotas
from billing.models import UsageCounter

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.services,
]


def at_once(work: Callable[[], Any], times: int, threads: int) -> list[Any]:
    """Run `work` many times in many threads, each with its own database connection."""

    def one(_: int) -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(times)))


@pytest.fixture
def text() -> str:
    account = Account.objects.create(name="Racer")
    return keys.issue(account, name="Race", daily_limit=50)[1]


def test_these_tests_run_on_a_database_with_real_concurrency() -> None:
    assert connection.vendor == "postgresql"


def test_400_calls_at_once_on_a_quota_of_50_grant_exactly_50(text: str) -> None:
    def call() -> bool:
        try:
            quotas.charge(text)
        except QuotaExhausted:
            return False
        return True

    assert sum(at_once(call, 400, 64)) == 50
    assert UsageCounter.objects.get().used == 50


def test_batches_at_once_never_pass_the_limit(text: str) -> None:
    def call() -> int:
        try:
            return quotas.charge(text, 7).units
        except QuotaExhausted:
            return 0

    assert sum(at_once(call, 100, 32)) == 49
    assert UsageCounter.objects.get().used == 49


def test_charges_and_refunds_at_once_add_up(text: str) -> None:
    def call() -> None:
        with contextlib.suppress(QuotaExhausted):
            quotas.give_back(quotas.charge(text, 3))

    at_once(call, 200, 32)
    assert UsageCounter.objects.get().used == 0


def test_a_job_that_many_workers_want_is_claimed_by_one() -> None:
    pk = OutgoingMail.objects.create(to_email="a@example.org", subject="s").pk
    claims = at_once(lambda: OutgoingMail.objects.claim(pk), 64, 32)
    assert len([claim for claim in claims if claim is not None]) == 1
    assert OutgoingMail.objects.get(pk=pk).attempts == 1


def test_the_same_mail_asked_for_at_once_is_stored_once() -> None:
    from django.core.mail import EmailMessage

    from accounts.flows import mail

    message = EmailMessage("s", "t", None, ["a@example.org"])
    at_once(lambda: mail.enqueue(message, dedupe_key="once"), 32, 16)
    assert OutgoingMail.objects.count() == 1


def test_a_person_asked_for_at_once_has_one_personal_account() -> None:
    user = User.objects.create_user("a@example.org")
    at_once(lambda: signup.personal_account(user), 32, 16)
    assert Membership.objects.filter(user=user).count() == 1


def test_a_guest_asked_for_at_once_has_one_account() -> None:
    at_once(lambda: signup.guest_account("g@example.org"), 32, 16)
    assert Account.objects.count() == 1


def test_free_keys_asked_for_at_once_stay_within_their_number() -> None:
    user = User.objects.create_user("a@example.org")
    account = signup.personal_account(user)

    def call() -> None:
        try:
            keys.issue_free(account, name="k", author=user)
        except Exception as error:
            assert "You can have" in str(error)

    at_once(call, 24, 12)
    assert ApiKey.objects.count() == keys.MOST_FREE_KEYS
