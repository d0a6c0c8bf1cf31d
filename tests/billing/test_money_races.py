"""Coins, keys, meters and trials under real concurrency: many connections at once."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from accounts.models import Account, ApiKey, OutgoingMail
from billing.errors import BillingError, LimitReached, NotEnough
from billing.flows import checkout, credits, entitlements, keyplans, ledgers, meters, plans
from billing.models import (
    AccountUsage,
    Adjustment,
    Grant,
    Hold,
    HoldState,
    KeyPlan,
    LedgerEntry,
    Offer,
    Order,
    SandboxObject,
    Wallet,
)
from tests.billing import goods

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.services,
]


def at_once(work: Callable[[int], Any], times: int, threads: int) -> list[Any]:
    """Run `work` with 0, 1, 2 … in many threads, each with its own database connection."""

    def one(number: int) -> Any:
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(times)))


def tried(work: Callable[[], Any]) -> bool:
    """Whether it was done; a refusal in words is a fine answer, any other error is not."""
    try:
        work()
    except BillingError:
        return False
    return True


@pytest.fixture(autouse=True)
def adds_up(db: None) -> Iterator[None]:
    yield
    assert ledgers.problems() == []


@pytest.fixture
def racer() -> Account:
    return Account.objects.create(name="Racer")


def test_these_tests_run_on_a_database_with_real_concurrency() -> None:
    assert connection.vendor == "postgresql"


def test_64_spends_of_7_at_once_out_of_100_are_14(racer: Account) -> None:
    credits.grant(racer, 100, ref="a")
    done = at_once(lambda number: tried(lambda: credits.spend(racer, 7, ref=f"s{number}")), 64, 32)
    assert sum(done) == 14
    assert Wallet.objects.get().balance == 2
    assert LedgerEntry.objects.filter(kind="spend").count() == 14


def test_the_same_spend_at_once_is_one(racer: Account) -> None:
    credits.grant(racer, 100, ref="a")
    entries = at_once(lambda _: credits.spend(racer, 7, ref="once").pk, 64, 32)
    assert len(set(entries)) == 1
    assert Wallet.objects.get().balance == 93


def test_the_same_grant_at_once_is_one_and_the_wallet_is_made_once(racer: Account) -> None:
    given = at_once(lambda _: credits.grant(racer, 100, ref="a"), 64, 32)
    assert len([entry for entry in given if entry is not None]) == 1
    assert Wallet.objects.get().balance == 100


def test_different_grants_at_once_all_arrive(racer: Account) -> None:
    at_once(lambda number: credits.grant(racer, 3, ref=f"g{number}"), 64, 32)
    assert Wallet.objects.get().balance == 192


def test_the_same_hold_at_once_is_one(racer: Account) -> None:
    credits.grant(racer, 100, ref="a")
    held = at_once(lambda _: credits.hold(racer, 60, ref="job").pk, 32, 16)
    assert len(set(held)) == 1
    assert Wallet.objects.get().balance == 40


def test_a_hold_that_is_captured_and_released_at_once_ends_one_way(racer: Account) -> None:
    credits.grant(racer, 1000, ref="a")
    for number in range(20):
        credits.hold(racer, 10, ref=f"h{number}")

    def settle(number: int) -> bool:
        ref = f"h{number % 20}"
        if number // 20 % 2:
            return tried(lambda: credits.release(ref))
        return tried(lambda: credits.capture(ref, 4))

    at_once(settle, 160, 32)
    captured = Hold.objects.filter(state=HoldState.CAPTURED, captured=4).count()
    released = Hold.objects.filter(state=HoldState.RELEASED, captured=0).count()
    assert captured + released == 20
    assert Wallet.objects.get().balance == 1000 - 4 * captured


def test_taking_back_while_coins_are_spent_loses_and_invents_none(racer: Account) -> None:
    credits.grant(racer, 100, ref="a")

    def work(number: int) -> bool:
        if number % 4 == 3:
            credits.take_back("a", number * 2)
            return False
        return tried(lambda: credits.spend(racer, 3, ref=f"s{number}"))

    spent = 3 * sum(at_once(work, 64, 32))
    credits.take_back("a")
    wallet = Wallet.objects.get()
    assert (wallet.balance, wallet.debt) == (0, spent)


def test_a_storm_of_everything_adds_up(racer: Account) -> None:
    dice = random.Random(7)
    steps = [(dice.randrange(9), dice.randrange(40), dice.randrange(1, 60)) for _ in range(600)]
    staff = None

    def step(number: int) -> bool:
        what, which, amount = steps[number]
        soon = timezone.now() + timedelta(milliseconds=amount * 10)
        verbs: list[Callable[[], Any]] = [
            lambda: credits.grant(racer, amount, ref=f"g{which}"),
            lambda: credits.grant(racer, amount, ref=f"e{which}", expires_at=soon),
            lambda: credits.hold(racer, amount, ref=f"h{which}", expires_at=soon),
            lambda: credits.hold(racer, amount, ref=f"k{which}"),
            lambda: credits.capture(f"h{which}", min(amount, 5)),
            lambda: credits.release(f"k{which}"),
            lambda: credits.spend(racer, amount, ref=f"s{number}"),
            lambda: credits.take_back(f"{'ge'[which % 2]}{which}", amount),
            lambda: (
                credits.expire(),
                credits.release_expired(),
                credits.adjust(credits.wallet_of(racer), 3, actor=staff, reason="Storm"),
            ),
        ]
        return tried(verbs[what])

    at_once(step, len(steps), 32)
    assert Adjustment.objects.count() == len([1 for what, *_ in steps if what == 8])
    assert Grant.objects.count() > 40
    assert LedgerEntry.objects.count() > 200


def test_the_check_sees_no_problem_while_coins_move(racer: Account) -> None:
    credits.grant(racer, 10_000, ref="a")

    def work(number: int) -> int:
        if number % 20 == 0:
            return len(ledgers.problems())
        credits.hold(racer, 5, ref=f"h{number}")
        credits.capture(f"h{number}", 3)
        return 0

    assert sum(at_once(work, 300, 16)) == 0


def test_a_plan_delivered_and_withdrawn_at_once_many_times_ends_right(racer: Account) -> None:
    sold = goods.offer("billing.plan", {"coins": 10, "features": {"campaigns.active": 1}})
    given = goods.delivery(goods.order(racer, sold))
    at_once(lambda _: plans.fulfil(given), 16, 16)
    assert Wallet.objects.get().balance == 1000
    undo = goods.undoing(given)
    at_once(lambda _: plans.withdraw(undo), 16, 16)
    assert Wallet.objects.get().balance == 0
    assert entitlements.all_of(racer) == {}


def test_32_who_open_a_claim_link_at_once_get_one_key(racer: Account) -> None:
    sold = goods.offer("billing.key", {"plan": "basic", "daily_limit": 50, "days": 30})
    keyplans.fulfil(goods.delivery(goods.order(racer, sold)))
    plan = KeyPlan.objects.get()
    done = at_once(lambda _: tried(lambda: keyplans.claim(KeyPlan.objects.get(pk=plan.pk))), 32, 32)
    assert sum(done) == 1
    plan.refresh_from_db()
    assert ApiKey.objects.get() == plan.api_key


def test_a_key_claimed_while_it_is_renewed_has_the_new_end(racer: Account) -> None:
    template = {"plan": "basic", "daily_limit": 50, "days": 30}
    for _ in range(8):
        sub = goods.subscription(
            goods.order(racer, goods.offer("billing.key", template, recurring=True))
        )
        keyplans.fulfil(goods.delivery(sub.order, subscription=sub))
        later = goods.delivery(sub.order, subscription=sub, days=60)
        plan = KeyPlan.objects.get(order=sub.order)

        def work(number: int, *, later: Any = later, plan: KeyPlan = plan) -> None:
            if number:
                keyplans.claim(KeyPlan.objects.get(pk=plan.pk))
            else:
                keyplans.fulfil(later)

        at_once(work, 2, 2)
        plan.refresh_from_db()
        assert plan.api_key is not None
        assert plan.api_key.expires_at == plan.expires_at
        assert plan.expires_at > timezone.now() + timedelta(days=50)


def test_links_sent_at_once_leave_exactly_one_that_works(racer: Account) -> None:
    sold = goods.offer("billing.key", {"plan": "basic", "daily_limit": 50, "days": 30})
    keyplans.fulfil(goods.delivery(goods.order(racer, sold)))
    at_once(lambda _: keyplans.send_links("buyer@example.org"), 8, 8)
    assert OutgoingMail.objects.count() == 9
    assert KeyPlan.objects.get().claimed_at is None


def test_400_charges_at_once_on_a_limit_of_50_grant_exactly_50(racer: Account) -> None:
    entitlements.give(
        racer,
        {"campaigns.generations": 50},
        source="s",
        valid_from=timezone.now(),
        valid_to=None,
    )

    def call(_: int) -> bool:
        try:
            meters.charge(racer.pk, "campaigns.generations")
        except LimitReached:
            return False
        return True

    assert sum(at_once(call, 400, 64)) == 50
    assert AccountUsage.objects.get().used == 50


def test_the_same_source_given_at_once_is_stored_once(racer: Account) -> None:
    def give(number: int) -> None:
        entitlements.give(
            racer,
            {"campaigns.generations": number, "campaigns.active": 1},
            source="s",
            valid_from=timezone.now(),
            valid_to=None,
        )

    at_once(give, 64, 32)
    assert set(entitlements.all_of(racer)) == {"campaigns.generations", "campaigns.active"}


def test_a_refused_spend_says_what_was_left_then(racer: Account) -> None:
    credits.grant(racer, 50, ref="a")

    def work(number: int) -> int:
        try:
            credits.spend(racer, 20, ref=f"s{number}")
        except NotEnough as error:
            return int(error.extra["balance"])
        return -1

    assert set(at_once(work, 24, 12)) == {-1, 10}


def test_of_24_orders_of_a_trial_at_once_one_page_at_most_stays_open(
    racer: Account, offers: dict[str, Offer]
) -> None:
    def order(number: int) -> None:
        made = checkout.place(
            offers["campaigns-starter"],
            account=racer,
            buyer={"email": "racer@example.org", "country": "US"},
            idempotency_key=f"race-{number}",
        )
        checkout.start(made)

    at_once(lambda number: tried(lambda: order(number)), 24, 12)
    open_orders = Order.objects.filter(state="open")
    pages = SandboxObject.objects.filter(kind="checkout", data__state="open")
    assert len(open_orders) <= 1
    assert [page.ref for page in pages] == [order.checkout_ref for order in open_orders]
    order(99)  # whatever is left over hinders nobody
    assert Order.objects.get(state="open").quote["trial_days"] == 14
