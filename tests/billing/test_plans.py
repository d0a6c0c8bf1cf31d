"""Plans: what a payment gives, once, and what a refund, lost dispute or lapse takes back."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Account
from billing.flows import credits, entitlements, ledgers, plans
from billing.models import GRACE, Fulfilment, Subscription, SubscriptionState, Wallet
from tests.billing import goods

TIER = {"features": {"campaigns.active": 5, "campaigns.generations": 100}}


@pytest.fixture(autouse=True)
def adds_up(db: None) -> Iterator[None]:
    yield
    assert ledgers.problems() == []


def balance(account: Account) -> int:
    return credits.wallet_of(account).balance


def features(account: Account) -> dict[str, int | None]:
    return entitlements.all_of(account)


def top_up(account: Account, **template: Any) -> Fulfilment:
    bought = goods.order(account, goods.offer("billing.plan", {"coins": 10, **template}))
    return goods.delivery(bought)


def subscribe(account: Account, template: dict[str, Any]) -> Subscription:
    sold = goods.offer("billing.plan", template, recurring=True)
    return goods.subscription(goods.order(account, sold))


def period(sub: Subscription, *, number: int = 0, paid: bool = True) -> Fulfilment:
    start = timezone.now() + timedelta(days=30 * number)
    return goods.delivery(sub.order, subscription=sub, start=start, paid=paid)


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ({}, "gives nothing"),
        ({"coins": 0}, "coins is not a whole number"),
        ({"coins": 1.5}, "coins is not a whole number"),
        ({"coins": True}, "coins is not a whole number"),
        ({"coins": 5, "expires_days": -1}, "expires_days is not"),
        ({"coins": 5, "days": "30"}, "days is not"),
        ({"coins": 5, "colour": "red"}, "unknown field colour"),
        ({"features": ["campaigns.active"]}, "not an object"),
        ({"features": {"campaigns.flying": 5}}, "nobody knows its feature campaigns.flying"),
        ({"features": {"campaigns.active": -1}}, "neither a whole number nor null"),
        ({"features": {"campaigns.active": "5"}}, "neither a whole number nor null"),
    ],
)
def test_a_template_that_makes_no_sense_is_named(template: dict[str, Any], problem: str) -> None:
    assert any(problem in found for found in plans.problems(template))


def test_good_templates_have_no_problems() -> None:
    assert plans.problems({"coins": 500, "expires_days": 365}) == []
    assert plans.problems({"features": {"campaigns.active": None}, "days": 30}) == []
    assert plans.problems({"coins": 1, **TIER}) == []


def test_a_top_up_gives_its_coins_once(account: Account) -> None:
    bought = top_up(account)
    plans.fulfil(bought)
    plans.fulfil(bought)
    assert balance(account) == 1000
    assert features(account) == {}


def test_coins_can_have_an_end(account: Account) -> None:
    plans.fulfil(top_up(account, expires_days=30))
    with time_machine.travel(timezone.now() + timedelta(days=31), tick=False):
        credits.expire()
    assert balance(account) == 0


def test_features_bought_once_stay_or_end_after_their_days(account: Account) -> None:
    plans.fulfil(top_up(account, features={"campaigns.active": 2}))
    plans.fulfil(top_up(account, features={"campaigns.active": 9}, days=7))
    assert features(account) == {"campaigns.active": 9}
    with time_machine.travel(timezone.now() + timedelta(days=8), tick=False):
        assert features(account) == {"campaigns.active": 2}


def test_a_period_gives_coins_and_features_for_the_period_and_the_grace(account: Account) -> None:
    sub = subscribe(account, {"coins": 500, **TIER})
    plans.fulfil(period(sub))
    assert balance(account) == 50_000
    assert features(account) == TIER["features"]
    with time_machine.travel(timezone.now() + timedelta(days=29) + GRACE, tick=False):
        assert features(account) == TIER["features"]
    with time_machine.travel(timezone.now() + timedelta(days=31) + GRACE, tick=False):
        assert features(account) == {}


def test_each_period_gives_its_coins(account: Account) -> None:
    sub = subscribe(account, {"coins": 500})
    plans.fulfil(period(sub))
    plans.fulfil(period(sub, number=1))
    assert balance(account) == 100_000


def test_a_trial_or_a_change_of_plan_gives_features_and_no_coins(account: Account) -> None:
    sub = subscribe(account, {"coins": 500, **TIER})
    plans.fulfil(period(sub, paid=False))
    assert features(account) == TIER["features"]
    assert not Wallet.objects.filter(account=account, balance__gt=0).exists()


def test_a_change_of_plan_replaces_the_features(account: Account) -> None:
    sub = subscribe(account, TIER)
    first = period(sub)
    plans.fulfil(first)
    better = goods.offer("billing.plan", {"features": {"campaigns.active": None}}, recurring=True)
    sub.price = better.price
    sub.save()
    plans.fulfil(goods.delivery(sub.order, subscription=sub, paid=False))
    assert features(account) == {"campaigns.active": None}
    first.refresh_from_db()
    plans.fulfil(first)  # the old plan's invoice, late
    assert features(account) == {"campaigns.active": None}


def test_a_period_that_arrives_late_does_not_shorten_a_later_one(account: Account) -> None:
    sub = subscribe(account, {"coins": 1, **TIER})
    early, late = period(sub), period(sub, number=1)
    with time_machine.travel(timezone.now() + timedelta(days=31), tick=False):
        plans.fulfil(late)
        plans.fulfil(early)
        assert balance(account) == 200
    with time_machine.travel(timezone.now() + timedelta(days=58) + GRACE, tick=False):
        assert features(account) == TIER["features"]


def test_a_period_paid_by_somebody_who_has_ended_it_gives_coins_only(account: Account) -> None:
    sub = subscribe(account, {"coins": 500, **TIER})
    sub.state = SubscriptionState.CANCELED
    sub.save()
    plans.fulfil(period(sub))
    assert (balance(account), features(account)) == (50_000, {})


def test_a_refund_takes_back_unspent_coins_and_ends_the_features(account: Account) -> None:
    bought = top_up(account, features={"campaigns.active": 2})
    plans.fulfil(bought)
    credits.spend(account, 300, ref="x")
    undo = goods.undoing(bought)
    plans.withdraw(undo)
    plans.withdraw(undo)
    wallet = credits.wallet_of(account)
    assert (wallet.balance, wallet.debt) == (0, 300)
    assert features(account) == {}


def test_refunds_in_parts_take_back_the_same_part_of_the_coins(account: Account) -> None:
    bought = top_up(account, features={"campaigns.active": 2})
    plans.fulfil(bought)
    plans.withdraw(goods.undoing(bought, 1250))
    assert balance(account) == 750
    assert features(account) == {"campaigns.active": 2}
    plans.withdraw(goods.undoing(bought, 3333))
    assert balance(account) == 334
    plans.withdraw(goods.undoing(bought, 1250))  # late
    assert balance(account) == 334
    plans.withdraw(goods.undoing(bought, 5000))
    assert balance(account) == 0
    assert features(account) == {}


def test_a_lost_dispute_takes_back_like_a_refund(account: Account) -> None:
    bought = top_up(account)
    plans.fulfil(bought)
    plans.withdraw(goods.undoing(bought, cause=Fulfilment.Cause.DISPUTE))
    assert balance(account) == 0


def test_a_lapse_ends_the_features_and_keeps_the_coins(account: Account) -> None:
    sub = subscribe(account, {"coins": 500, **TIER})
    given = period(sub)
    plans.fulfil(given)
    Subscription.objects.update(state=SubscriptionState.CANCELED)
    undo = goods.undoing(given, cause=Fulfilment.Cause.LAPSE)
    undo.refresh_from_db()
    plans.withdraw(undo)
    assert (balance(account), features(account)) == (50_000, {})


def test_a_lapse_that_comes_after_a_new_payment_ends_nothing(account: Account) -> None:
    sub = subscribe(account, TIER)
    given = period(sub)
    plans.fulfil(given)
    plans.withdraw(goods.undoing(given, cause=Fulfilment.Cause.LAPSE))
    assert features(account) == TIER["features"]


def test_after_a_lapse_the_next_payment_gives_again(account: Account) -> None:
    sub = subscribe(account, TIER)
    given = period(sub)
    plans.fulfil(given)
    entitlements.end(f"subscription:{sub.pk}")
    plans.fulfil(goods.delivery(sub.order, subscription=sub))
    assert features(account) == TIER["features"]


def test_refunding_an_old_period_keeps_the_features_of_the_paid_one(account: Account) -> None:
    sub = subscribe(account, {"coins": 1, **TIER})
    old, new = period(sub, number=-1), period(sub)
    plans.fulfil(old)
    plans.fulfil(new)
    plans.withdraw(goods.undoing(old))
    assert (balance(account), features(account)) == (100, TIER["features"])
    plans.withdraw(goods.undoing(new))
    assert (balance(account), features(account)) == (0, {})
