"""What an account may do: the best of what counts now."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Account
from billing.flows import entitlements
from billing.models import Entitlement

ACTIVE = "campaigns.active"
WRITTEN = "campaigns.generations"


def give(account: Account, limit: int | None, source: str = "order:1", days: int = 30) -> None:
    now = timezone.now()
    entitlements.give(
        account,
        {ACTIVE: limit},
        source=source,
        valid_from=now,
        valid_to=now + timedelta(days=days),
    )


def test_without_anything_the_limit_is_0(account: Account) -> None:
    assert entitlements.limit_of(account, ACTIVE) == 0
    assert entitlements.all_of(account) == {}


def test_the_best_source_counts(account: Account) -> None:
    give(account, 5)
    give(account, 25, "order:2")
    assert entitlements.limit_of(account, ACTIVE) == 25
    give(account, None, "order:3")
    assert entitlements.limit_of(account, ACTIVE) is None
    assert entitlements.all_of(account) == {ACTIVE: None}


def test_only_what_is_valid_now_counts(account: Account) -> None:
    give(account, 5)
    give(account, 25, "order:2", days=60)
    with time_machine.travel(timezone.now() + timedelta(days=45), tick=False):
        assert entitlements.limit_of(account, ACTIVE) == 25
    with time_machine.travel(timezone.now() + timedelta(days=70), tick=False):
        assert entitlements.limit_of(account, ACTIVE) == 0
    with time_machine.travel(timezone.now() - timedelta(days=1), tick=False):
        assert entitlements.limit_of(account, ACTIVE) == 0


def test_the_same_source_again_replaces_what_it_gave(account: Account) -> None:
    now = timezone.now()
    both = {ACTIVE: 5, WRITTEN: 100}
    entitlements.give(account, both, source="order:1", valid_from=now, valid_to=None)
    assert entitlements.all_of(account) == both
    entitlements.give(account, {ACTIVE: 3}, source="order:1", valid_from=now, valid_to=None)
    assert entitlements.all_of(account) == {ACTIVE: 3}
    assert Entitlement.objects.count() == 2
    entitlements.give(account, both, source="order:1", valid_from=now, valid_to=None)
    assert entitlements.all_of(account) == both


def test_a_source_ends_now_or_at_a_time(account: Account) -> None:
    give(account, 5)
    give(account, 2, "order:2")
    entitlements.end("order:1", at=timezone.now() + timedelta(days=3))
    assert entitlements.limit_of(account, ACTIVE) == 5
    with time_machine.travel(timezone.now() + timedelta(days=4), tick=False):
        assert entitlements.limit_of(account, ACTIVE) == 2
    entitlements.end("order:2")
    entitlements.end("order:1")
    assert entitlements.all_of(account) == {}


def test_ending_never_makes_anything_last_longer(account: Account) -> None:
    give(account, 5, days=1)
    entitlements.end("order:1", at=timezone.now() + timedelta(days=9))
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        assert entitlements.limit_of(account, ACTIVE) == 0


def test_what_has_not_begun_yet_can_be_ended(account: Account) -> None:
    later = timezone.now() + timedelta(days=5)
    entitlements.give(account, {ACTIVE: 5}, source="order:1", valid_from=later, valid_to=None)
    entitlements.end("order:1")
    with time_machine.travel(later + timedelta(seconds=1), tick=False):
        assert entitlements.limit_of(account, ACTIVE) == 0


def test_another_accounts_features_do_not_count(account: Account) -> None:
    give(Account.objects.create(name="Other"), 5)
    assert entitlements.limit_of(account, ACTIVE) == 0


@pytest.mark.parametrize("limit", [0, 7, None])
def test_every_limit_comes_back_as_it_was_given(account: Account, limit: int | None) -> None:
    give(account, limit)
    assert entitlements.limit_of(account, ACTIVE) == limit
