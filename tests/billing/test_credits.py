"""Coins: given, held, spent, taken back, expired; and everything adds up after each of it."""

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.errors import AccountsError
from accounts.flows import signup
from accounts.models import Account, AuditEntry, User
from billing.errors import BillingError, NotEnough
from billing.flows import credits, ledgers
from billing.models import Adjustment, Grant, Hold, LedgerEntry, Wallet


@pytest.fixture(autouse=True)
def adds_up(db: None) -> Iterator[None]:
    """After every test the books are right."""
    yield
    assert ledgers.problems() == []


@pytest.fixture
def other(stranger: User) -> Account:
    return signup.personal_account(stranger)


def balance(account: Account) -> int:
    return Wallet.objects.get(account=account).balance


def debt(account: Account) -> int:
    return Wallet.objects.get(account=account).debt


def kinds(account: Account) -> list[tuple[str, int, int]]:
    rows = LedgerEntry.objects.filter(wallet__account=account).order_by("pk")
    return [(row.kind, row.amount, row.debt_change) for row in rows]


def test_coins_that_are_given_can_be_spent(account: Account) -> None:
    entry = credits.grant(account, 500, ref="a")
    assert entry is not None
    assert (entry.amount, entry.balance_after) == (500, 500)
    spent = credits.spend(account, 120, ref="x")
    assert (spent.kind, spent.amount, spent.balance_after) == ("spend", -120, 380)
    assert balance(account) == 380


def test_the_same_grant_again_gives_nothing(account: Account) -> None:
    credits.grant(account, 500, ref="a")
    assert credits.grant(account, 500, ref="a") is None
    assert balance(account) == 500


def test_a_reference_of_another_wallet_is_refused(account: Account, other: Account) -> None:
    credits.grant(account, 500, ref="a")
    credits.grant(other, 500, ref="b")
    credits.hold(account, 10, ref="job")
    credits.spend(account, 10, ref="job")
    for again in (
        lambda: credits.grant(other, 500, ref="a"),
        lambda: credits.hold(other, 10, ref="job"),
        lambda: credits.spend(other, 10, ref="job"),
    ):
        with pytest.raises(BillingError, match="somebody else"):
            again()
    assert balance(other) == 500


def test_a_reference_of_another_amount_is_refused(account: Account) -> None:
    credits.grant(account, 500, ref="a")
    held = credits.hold(account, 10, ref="job")
    credits.spend(account, 10, ref="job")
    for again in (
        lambda: credits.hold(account, 400, ref="job"),
        lambda: credits.spend(account, 400, ref="job"),
    ):
        with pytest.raises(BillingError, match="another amount"):
            again()
    credits.capture("job", 5)
    with pytest.raises(BillingError, match="another amount"):
        credits.hold(account, 5, ref="job")
    assert credits.hold(account, 10, ref="job") == held


@pytest.mark.parametrize("amount", [0, -1])
def test_amounts_are_positive(account: Account, amount: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        credits.grant(account, amount, ref="a")
    with pytest.raises(ValueError, match="positive"):
        credits.spend(account, amount, ref="a")
    with pytest.raises(ValueError, match="positive"):
        credits.hold(account, amount, ref="a")


def test_more_than_there_is_cannot_be_spent_or_held(account: Account) -> None:
    credits.grant(account, 150, ref="a")
    with pytest.raises(NotEnough, match=r"needs 2 coins, and 1\.50 are left") as refused:
        credits.spend(account, 200, ref="x")
    assert refused.value.status == 402
    assert refused.value.extra == {"balance": 150, "needed": 200}
    with pytest.raises(NotEnough):
        credits.hold(account, 151, ref="y")
    assert balance(account) == 150
    assert Hold.objects.count() == 0


def test_the_same_spending_again_returns_the_earlier_entry(account: Account) -> None:
    credits.grant(account, 500, ref="a")
    first = credits.spend(account, 120, ref="x")
    assert credits.spend(account, 120, ref="x").pk == first.pk
    with pytest.raises(BillingError, match="another amount"):
        credits.spend(account, 130, ref="x")
    assert balance(account) == 380


def test_a_hold_leaves_the_balance_at_once_and_comes_back_on_release(account: Account) -> None:
    credits.grant(account, 500, ref="a")
    held = credits.hold(account, 200, ref="job")
    assert (held.state, balance(account)) == ("open", 300)
    assert credits.hold(account, 200, ref="job").pk == held.pk
    assert balance(account) == 300
    assert credits.release("job").state == "released"
    assert credits.release("job").state == "released"
    assert balance(account) == 500
    assert credits.hold(account, 200, ref="job").state == "released"


def test_capture_spends_a_part_and_gives_back_the_rest_once(account: Account) -> None:
    credits.grant(account, 500, ref="a")
    credits.hold(account, 200, ref="job")
    held = credits.capture("job", 150)
    assert (held.state, held.captured, balance(account)) == ("captured", 150, 350)
    assert credits.capture("job", 100).captured == 150
    assert credits.release("job").state == "captured"
    assert balance(account) == 350
    assert kinds(account)[1:] == [("hold", -200, 0), ("release", 50, 0)]


def test_all_or_nothing_of_a_hold_can_be_captured(account: Account) -> None:
    credits.grant(account, 500, ref="a")
    credits.hold(account, 200, ref="all")
    credits.hold(account, 200, ref="none")
    assert credits.capture("all", 200).captured == 200
    assert credits.capture("none", 0).captured == 0
    assert balance(account) == 300


def test_what_cannot_be_captured_is_refused_in_words(account: Account) -> None:
    credits.grant(account, 500, ref="a")
    credits.hold(account, 200, ref="job")
    with pytest.raises(BillingError, match=r"2 coins are set aside for this, not 2\.01"):
        credits.capture("job", 201)
    with pytest.raises(BillingError, match="No coins were set aside"):
        credits.capture("unheard-of", 1)
    with pytest.raises(BillingError, match="No coins were set aside"):
        credits.release("unheard-of")
    credits.release("job")
    with pytest.raises(BillingError, match="given back already"):
        credits.capture("job", 200)


def test_coins_that_expire_first_are_spent_first(account: Account) -> None:
    now = timezone.now()
    credits.grant(account, 100, ref="never")
    credits.grant(account, 100, ref="late", expires_at=now + timedelta(days=20))
    credits.grant(account, 100, ref="soon", expires_at=now + timedelta(days=10))
    credits.spend(account, 150, ref="x")
    left = dict(Grant.objects.values_list("ref", "remaining"))
    assert left == {"soon": 0, "late": 50, "never": 100}


def test_what_a_hold_gives_back_is_what_lasts_longest(account: Account) -> None:
    credits.grant(account, 100, ref="never")
    credits.grant(account, 100, ref="soon", expires_at=timezone.now() + timedelta(days=10))
    credits.hold(account, 150, ref="job")
    credits.capture("job", 80)
    assert dict(Grant.objects.values_list("ref", "remaining")) == {"soon": 20, "never": 100}


def test_many_small_grants_are_spent_together(account: Account) -> None:
    for number in range(250):
        credits.grant(account, 1, ref=f"g{number}")
    credits.spend(account, 240, ref="x")
    assert balance(account) == 10


def test_expired_coins_cannot_be_spent_even_before_they_are_swept(account: Account) -> None:
    credits.grant(account, 100, ref="a", expires_at=timezone.now() + timedelta(days=1))
    credits.grant(account, 30, ref="b")
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        assert credits.spendable(credits.wallet_of(account)) == 30
        with pytest.raises(NotEnough, match="30 are left"):
            credits.hold(account, 50, ref="x")
        credits.spend(account, 20, ref="y")
        assert balance(account) == 10
        assert credits.expire() == 0


def test_the_sweep_removes_expired_coins_once(account: Account) -> None:
    credits.grant(account, 100, ref="a", expires_at=timezone.now() + timedelta(days=1))
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        assert credits.expire() == 1
        assert credits.expire() == 0
    assert kinds(account) == [("grant", 100, 0), ("expire", -100, 0)]


def test_one_broken_wallet_does_not_stop_the_sweep(account: Account, other: Account) -> None:
    soon = timezone.now() + timedelta(days=1)
    credits.grant(account, 100, ref="a", expires_at=soon)
    credits.grant(other, 100, ref="b", expires_at=soon)
    Wallet.objects.filter(account=account).update(balance=50)
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        assert credits.expire() == 1
    assert balance(other) == 0
    Wallet.objects.filter(account=account).update(balance=100)


def test_held_coins_of_a_grant_that_expires_meanwhile_expire_on_release(account: Account) -> None:
    credits.grant(account, 100, ref="a", expires_at=timezone.now() + timedelta(minutes=10))
    credits.hold(account, 60, ref="job")
    credits.hold(account, 10, ref="job2")
    with time_machine.travel(timezone.now() + timedelta(minutes=30), tick=False):
        credits.release("job")
        credits.capture("job2", 4)
    assert balance(account) == 0
    assert [kind for kind, *_ in kinds(account)] == [
        "grant", "hold", "hold", "release", "expire", "release", "expire",
    ]  # fmt: skip


def test_holds_nobody_settles_come_back_by_themselves(account: Account) -> None:
    credits.grant(account, 100, ref="a")
    credits.hold(account, 60, ref="job")
    credits.hold(account, 10, ref="long", expires_at=timezone.now() + timedelta(hours=5))
    assert credits.release_expired() == 0
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        assert credits.release_expired() == 1
    assert balance(account) == 90


def test_taking_back_what_is_unspent_leaves_no_debt(account: Account) -> None:
    credits.grant(account, 100, ref="a")
    credits.grant(account, 50, ref="b")
    assert credits.take_back("a") == 100
    assert credits.take_back("a") == 0
    assert (balance(account), debt(account)) == (50, 0)


def test_taking_back_what_is_spent_becomes_a_debt_that_freezes_spending(account: Account) -> None:
    credits.grant(account, 100, ref="a")
    credits.spend(account, 70, ref="x")
    credits.take_back("a")
    assert (balance(account), debt(account)) == (0, 70)
    credits.adjust(credits.wallet_of(account), 1, actor=None, reason="Test")
    assert debt(account) == 69
    with pytest.raises(NotEnough, match=r"0\.69 coins were spent and then paid back") as refused:
        credits.spend(account, 1, ref="y")
    assert refused.value.code == "wallet_frozen"
    with pytest.raises(NotEnough):
        credits.hold(account, 1, ref="y")


def test_coins_left_from_elsewhere_are_frozen_while_a_debt_is_open(account: Account) -> None:
    credits.grant(account, 100, ref="a")
    credits.spend(account, 100, ref="x")
    credits.grant(account, 500, ref="b")
    credits.take_back("a")
    assert (balance(account), debt(account)) == (500, 100)
    with pytest.raises(NotEnough, match="settle that first"):
        credits.spend(account, 1, ref="y")


def test_the_next_grant_pays_the_debt_first(account: Account) -> None:
    credits.grant(account, 100, ref="a")
    credits.spend(account, 70, ref="x")
    credits.take_back("a")
    credits.grant(account, 50, ref="b")
    assert (balance(account), debt(account)) == (0, 20)
    credits.grant(account, 50, ref="c")
    assert (balance(account), debt(account)) == (30, 0)
    assert kinds(account)[-2:] == [("grant", 50, 0), ("pay_debt", -20, -20)]
    credits.spend(account, 30, ref="y")


def test_refunds_in_parts_take_back_so_much_in_total(account: Account) -> None:
    credits.grant(account, 100, ref="a")
    credits.spend(account, 70, ref="x")
    assert credits.take_back("a", 20) == 20
    assert credits.take_back("a", 20) == 0
    assert (balance(account), debt(account)) == (10, 0)
    assert credits.take_back("a", 50) == 30
    assert (balance(account), debt(account)) == (0, 20)
    assert credits.take_back("a", 40) == 0
    assert credits.take_back("a", 1000) == 50
    assert debt(account) == 70
    assert Grant.objects.get().withdrawn == 100


def test_taking_back_something_unknown_takes_nothing(db: None) -> None:
    assert credits.take_back("unheard-of") == 0


def test_held_coins_count_as_spent_and_pay_the_debt_when_they_come_back(account: Account) -> None:
    credits.grant(account, 100, ref="a")
    credits.hold(account, 60, ref="job")
    credits.take_back("a")
    assert (balance(account), debt(account)) == (0, 60)
    credits.capture("job", 25)
    assert (balance(account), debt(account)) == (0, 25)
    credits.grant(account, 30, ref="b")
    assert (balance(account), debt(account)) == (5, 0)


def test_coins_that_come_back_after_the_debt_was_paid_stay(account: Account) -> None:
    credits.grant(account, 100, ref="a")
    credits.hold(account, 60, ref="job")
    credits.take_back("a")
    credits.grant(account, 60, ref="b")
    credits.release("job")
    assert (balance(account), debt(account)) == (60, 0)


def test_coins_that_pay_a_debt_do_so_even_when_they_are_over_by_now(account: Account) -> None:
    credits.grant(account, 100, ref="a", expires_at=timezone.now() + timedelta(minutes=5))
    credits.hold(account, 60, ref="job")
    credits.take_back("a")
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        credits.release("job")
    assert (balance(account), debt(account)) == (0, 0)


def test_coins_that_expired_unused_are_never_owed(account: Account) -> None:
    credits.grant(account, 100, ref="a", expires_at=timezone.now() + timedelta(days=1))
    credits.spend(account, 30, ref="x")
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        credits.expire()
        assert credits.take_back("a", 50) == 50
        assert debt(account) == 0
        assert credits.take_back("a", 80) == 30
        assert debt(account) == 10
        assert credits.take_back("a") == 20
        assert debt(account) == 30


def test_staff_correct_a_wallet_with_a_reason(account: Account, staff: User) -> None:
    wallet = credits.wallet_of(account)
    added = credits.adjust(wallet, 300, actor=staff, reason="Sorry for the outage")
    credits.adjust(wallet, -100, actor=staff, reason="Too much")
    assert balance(account) == 200
    assert LedgerEntry.objects.filter(ref=f"adjust:{added.pk}", kind="adjust").count() == 1
    assert Adjustment.objects.filter(author=staff).count() == 2
    first = AuditEntry.objects.order_by("pk").first()
    assert first is not None
    assert (first.action, first.actor, first.reason) == (
        "billing.adjust", staff, "Sorry for the outage",
    )  # fmt: skip
    assert (first.before["balance"], first.after["balance"]) == ("0", "300")


def test_a_correction_never_goes_below_zero_and_needs_a_reason(
    account: Account, staff: User
) -> None:
    wallet = credits.wallet_of(account)
    credits.grant(account, 100, ref="a")
    with pytest.raises(NotEnough):
        credits.adjust(wallet, -101, actor=staff, reason="Too much")
    with pytest.raises(AccountsError):
        credits.adjust(wallet, 5, actor=staff, reason=" ")
    with pytest.raises(BillingError, match="how many"):
        credits.adjust(wallet, 0, actor=staff, reason="Nothing")
    assert (balance(account), Adjustment.objects.count(), AuditEntry.objects.count()) == (100, 0, 0)


def test_history_is_the_newest_first(account: Account, other: Account) -> None:
    credits.grant(account, 100, ref="a")
    credits.spend(account, 10, ref="x")
    credits.grant(other, 100, ref="b")
    rows = credits.history(credits.wallet_of(account))
    assert [(row.kind, row.balance_after) for row in rows] == [("spend", 90), ("grant", 100)]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_in_whatever_order_it_adds_up(account: Account, seed: int) -> None:
    """The fixture proves the books; here 60 random steps are checked one by one."""
    dice = random.Random(seed)
    now = timezone.now()
    for step in range(60):
        now += timedelta(minutes=dice.randrange(40))
        known = [f"g{dice.randrange(step + 1)}", f"h{dice.randrange(step + 1)}"]
        amount = dice.randrange(1, 120)
        with time_machine.travel(now, tick=False):
            try:
                match dice.randrange(8):
                    case 0 | 1:
                        until = now + timedelta(minutes=dice.randrange(200))
                        credits.grant(
                            account, amount, ref=f"g{step}", expires_at=dice.choice([None, until])
                        )
                    case 2 | 3:
                        credits.hold(account, amount, ref=f"h{step}")
                    case 4:
                        credits.capture(known[1], dice.randrange(amount))
                    case 5:
                        dice.choice([credits.expire, credits.release_expired])()
                    case 6:
                        credits.take_back(known[0], dice.choice([None, amount]))
                    case 7:
                        credits.spend(account, amount, ref=f"s{step}")
            except BillingError:
                pass
        assert ledgers.problems() == []
