"""What an account uses of its plan: never more than it gives, and again in the next period."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from billing.errors import LimitReached
from billing.flows import entitlements, meters
from billing.models import AccountUsage

ACTIVE = "campaigns.active"  # a ceiling
WRITTEN = "campaigns.generations"  # by the month


def give(account: Account, limit: int | None, feature: str = WRITTEN, source: str = "s") -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    entitlements.give(account, {feature: limit}, source=source, valid_from=start, valid_to=None)


def test_units_are_charged_until_the_limit(account: Account) -> None:
    give(account, 3)
    assert [meters.charge(account.pk, WRITTEN).remaining for _ in range(3)] == [2, 1, 0]
    with pytest.raises(LimitReached, match="gives 3 AI generations a month, and all are") as no:
        meters.charge(account.pk, WRITTEN)
    assert no.value.status == 402
    assert no.value.extra == {"limit": 3, "remaining": 0}
    assert AccountUsage.objects.get().used == 3


def test_a_charge_is_one_statement(account: Account) -> None:
    give(account, 3)
    with CaptureQueriesContext(connection) as queries:
        meters.charge(account.pk, WRITTEN)
        meters.charge(account.pk, WRITTEN)
    assert len(queries) == 2


def test_a_batch_that_does_not_fit_takes_nothing(account: Account) -> None:
    give(account, 5)
    with pytest.raises(LimitReached, match="This needs 6, and 5 are left"):
        meters.charge(account.pk, WRITTEN, 6)
    meters.charge(account.pk, WRITTEN, 3)
    with pytest.raises(LimitReached, match="This needs 3, and 2 are left"):
        meters.charge(account.pk, WRITTEN, 3)
    assert meters.standing(account, WRITTEN).remaining == 2


def test_without_a_plan_or_with_a_limit_of_0_nothing_is_given(account: Account) -> None:
    for _ in range(2):
        with pytest.raises(LimitReached, match="does not include AI generations"):
            meters.charge(account.pk, WRITTEN)
        give(account, 0)
    assert AccountUsage.objects.count() == 0


def test_unlimited_counts_and_never_refuses(account: Account) -> None:
    give(account, None)
    give(account, 1, source="other")
    charges = [meters.charge(account.pk, WRITTEN, 1000) for _ in range(3)]
    assert (charges[-1].used, charges[-1].limit, charges[-1].remaining) == (3000, None, None)
    standing = meters.standing(account, WRITTEN)
    assert (standing.used, standing.limit, standing.remaining) == (3000, None, None)


def test_the_best_of_several_sources_counts_and_one_that_ended_does_not(account: Account) -> None:
    give(account, 1)
    give(account, 3, source="other")
    meters.charge(account.pk, WRITTEN, 2)
    entitlements.end("other")
    with pytest.raises(LimitReached) as no:
        meters.charge(account.pk, WRITTEN)
    assert no.value.extra == {"limit": 1, "remaining": 0}


def test_a_month_begins_with_new_units(account: Account) -> None:
    give(account, 2)
    with time_machine.travel(datetime(2030, 1, 31, 23, 59, tzinfo=UTC), tick=False):
        meters.charge(account.pk, WRITTEN, 2)
        with pytest.raises(LimitReached):
            meters.charge(account.pk, WRITTEN)
    with time_machine.travel(datetime(2030, 2, 1, 0, 0, tzinfo=UTC), tick=False):
        assert meters.standing(account, WRITTEN).remaining == 2
        meters.charge(account.pk, WRITTEN, 2)


def test_a_ceiling_does_not_begin_again_but_is_freed(account: Account) -> None:
    give(account, 1, ACTIVE)
    meters.charge(account.pk, ACTIVE)
    with time_machine.travel(timezone.now() + timedelta(days=400), tick=False):
        with pytest.raises(LimitReached):
            meters.charge(account.pk, ACTIVE)
        meters.free(account.pk, ACTIVE)
        meters.free(account.pk, ACTIVE)
        meters.charge(account.pk, ACTIVE)
    with pytest.raises(ValueError, match="by itself"):
        meters.free(account.pk, WRITTEN)


def test_what_failed_is_given_back_into_its_own_period(account: Account) -> None:
    give(account, 5)
    with time_machine.travel(datetime(2030, 1, 31, tzinfo=UTC), tick=False):
        charged = meters.charge(account.pk, WRITTEN, 4)
    with time_machine.travel(datetime(2030, 2, 1, tzinfo=UTC), tick=False):
        meters.charge(account.pk, WRITTEN, 1)
        rest = meters.give_back(charged, 3)
        assert (rest.units, rest.used) == (1, 1)
        meters.give_back(rest)
        assert meters.give_back(rest, 0) == rest
    assert sorted(AccountUsage.objects.values_list("used", flat=True)) == [0, 1]


def test_an_unknown_feature_and_no_units_are_faults_of_the_caller(account: Account) -> None:
    with pytest.raises(KeyError):
        meters.charge(account.pk, "campaigns.unheard_of")
    with pytest.raises(ValueError, match="at least one"):
        meters.charge(account.pk, WRITTEN, 0)
