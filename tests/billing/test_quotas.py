"""Quotas: units per key and day, never more than the limit."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.flows import keys
from accounts.models import Account, ApiKey
from billing.errors import KeyRefused, QuotaExhausted
from billing.flows import quotas
from billing.models import UsageCounter

pytestmark = pytest.mark.django_db
Key = tuple[ApiKey, str]


def test_a_charge_counts_and_says_what_is_left(key: Key) -> None:
    granted = quotas.charge(key[1], 2)
    assert (granted.used, granted.limit, granted.remaining) == (2, 5, 3)
    assert granted.headers()["RateLimit-Remaining"] == "3"
    assert UsageCounter.objects.get().used == 2


def test_a_charge_is_one_statement(key: Key) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        quotas.charge(key[1])
        quotas.charge(key[1])
    assert len(queries) == 2


def test_a_refusal_costs_one_more_query(key: Key) -> None:
    with CaptureQueriesContext(connection) as queries, pytest.raises(QuotaExhausted):
        quotas.charge(key[1], 6)
    assert len(queries) == 2


def test_the_first_row_of_a_day_is_guarded_too(key: Key) -> None:
    with pytest.raises(QuotaExhausted) as refused:
        quotas.charge(key[1], 8)
    assert refused.value.extra == {"limit": 5, "remaining": 5}
    assert not UsageCounter.objects.exists()


def test_a_charge_beyond_the_limit_takes_nothing(key: Key) -> None:
    quotas.charge(key[1], 4)
    with pytest.raises(QuotaExhausted, match="1 are left"):
        quotas.charge(key[1], 2)
    assert UsageCounter.objects.get().used == 4
    assert quotas.charge(key[1]).remaining == 0


def test_days_are_counted_in_utc(key: Key) -> None:
    with time_machine.travel(datetime(2026, 3, 1, 23, 59, tzinfo=UTC), tick=False):
        quotas.charge(key[1], 5)
        with pytest.raises(QuotaExhausted) as refused:
            quotas.charge(key[1])
        assert refused.value.headers["Retry-After"] == "60"
    with time_machine.travel(datetime(2026, 3, 2, 0, 0, tzinfo=UTC), tick=False):
        assert quotas.charge(key[1]).used == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"revoked_at": timezone.now()}, "key_revoked"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "key_expired"),
        ({"scopes": "staff"}, "key_scope"),
    ],
)
def test_a_key_that_is_not_live_is_refused_with_the_reason(
    key: Key, change: dict, code: str
) -> None:
    ApiKey.objects.update(**change)
    with pytest.raises(KeyRefused) as refused:
        quotas.charge(key[1])
    assert refused.value.code == code
    assert not UsageCounter.objects.exists()


def test_an_unknown_key_is_refused(db: None) -> None:
    with pytest.raises(KeyRefused) as refused:
        quotas.charge("atelier_test_nothing")
    assert refused.value.code == "key_unknown"


@pytest.mark.parametrize("scopes", ["prompts-read", "Prompts", "prompts\tstaff", "staff"])
def test_a_scope_is_found_only_as_a_whole_word_letter_by_letter(key: Key, scopes: str) -> None:
    ApiKey.objects.update(scopes=scopes)  # past every check: both databases must read it alike
    with pytest.raises(KeyRefused) as refused:
        quotas.charge(key[1])
    assert refused.value.code == "key_scope"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("Prompts", "prompts"), (" staff \t prompts prompts", "prompts staff"), ("staff", "staff")],
)
def test_scopes_are_stored_one_way(account: Account, given: str, kept: str) -> None:
    row, _ = keys.issue(account, name="k", scopes=given)
    assert row.scopes == kept
    row.scopes = given
    row.full_clean()
    assert row.scopes == kept


@pytest.mark.parametrize("scopes", ["prompts-read", "", "everything prompts"])
def test_unknown_scopes_are_refused(account: Account, scopes: str) -> None:
    with pytest.raises(ValidationError):
        keys.issue(account, name="k", scopes=scopes)


def test_a_changed_limit_applies_from_the_next_call(key: Key) -> None:
    quotas.charge(key[1], 5)
    ApiKey.objects.update(daily_limit=6)
    assert quotas.charge(key[1]).used == 6
    ApiKey.objects.update(daily_limit=3)
    with pytest.raises(QuotaExhausted):
        quotas.charge(key[1])


def test_what_failed_is_given_back_and_never_below_zero(key: Key) -> None:
    granted = quotas.charge(key[1], 3)
    quotas.give_back(granted)
    assert UsageCounter.objects.get().used == 0
    quotas.give_back(granted)
    assert UsageCounter.objects.get().used == 0


def test_standing_says_what_was_used_without_counting(key: Key) -> None:
    quotas.charge(key[1], 2)
    assert quotas.standing(key[1]).remaining == 3
    assert quotas.standing(key[1]).used == 2


def test_a_charge_of_nothing_is_a_mistake(key: Key) -> None:
    with pytest.raises(ValueError, match="at least one"):
        quotas.charge(key[1], 0)


def test_the_key_itself_is_stored_nowhere(key: Key) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_apikey")
        assert key[1] not in repr(cursor.fetchall())
