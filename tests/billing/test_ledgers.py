"""The check finds whatever does not add up, and names it the same way each time."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from billing import triggers
from billing.flows import credits, ledgers, plans
from billing.models import (
    Difference,
    Fulfilment,
    Grant,
    HoldPart,
    LedgerEntry,
    OrderState,
    Payment,
    PaymentState,
    Wallet,
)
from tests.billing import goods


def refs() -> list[str]:
    return [problem.ref for problem in ledgers.problems()]


def paid(account: Account, *, minutes_ago: int = 60) -> Fulfilment:
    given = goods.delivery(goods.order(account, goods.offer("billing.plan", {"coins": 10})))
    Payment.objects.update(succeeded_at=timezone.now() - timedelta(minutes=minutes_ago))
    return given


@pytest.fixture
def wallet(account: Account) -> Wallet:
    credits.grant(account, 500, ref="a")
    credits.hold(account, 100, ref="open")
    credits.hold(account, 100, ref="done")
    credits.capture("done", 60)
    return credits.wallet_of(account)


def test_what_adds_up_has_no_problems(wallet: Wallet) -> None:
    assert ledgers.problems() == []


def test_a_balance_that_is_not_the_sum_of_its_entries_is_found(wallet: Wallet) -> None:
    Wallet.objects.update(balance=341)
    assert refs() == [f"ledger:wallet:{wallet.pk}", f"ledger:grants:{wallet.pk}"]
    assert "balance 341" in str(ledgers.problems()[0])


def test_a_debt_that_is_not_the_sum_of_its_changes_is_found(wallet: Wallet) -> None:
    Wallet.objects.update(debt=1)
    assert refs() == [f"ledger:wallet:{wallet.pk}"]


def test_a_wallet_with_coins_from_nowhere_is_found(account: Account) -> None:
    empty = credits.wallet_of(account)
    Wallet.objects.update(balance=5)
    assert refs() == [f"ledger:wallet:{empty.pk}", f"ledger:grants:{empty.pk}"]


def test_an_entry_that_does_not_follow_from_the_one_before_is_found(wallet: Wallet) -> None:
    with connection.cursor() as cursor:
        for statement in triggers.REMOVE[connection.vendor]:
            cursor.execute(statement)
        forged = LedgerEntry.objects.order_by("pk")[1]
        LedgerEntry.objects.filter(pk=forged.pk).update(balance_after=1)
        for statement in triggers.INSTALL[connection.vendor]:
            cursor.execute(statement)
    following = LedgerEntry.objects.order_by("pk")[2]
    assert refs() == [f"ledger:entry:{forged.pk}", f"ledger:entry:{following.pk}"]


def test_grants_and_holds_that_disagree_with_the_wallet_are_found(wallet: Wallet) -> None:
    Grant.objects.update(remaining=1)
    assert refs() == [f"ledger:grants:{wallet.pk}"]
    Grant.objects.update(remaining=wallet.balance)
    part = HoldPart.objects.get(hold__ref="open")
    HoldPart.objects.filter(pk=part.pk).update(returned=1)
    assert refs() == [f"ledger:hold:{part.hold_id}"]
    HoldPart.objects.filter(pk=part.pk).delete()
    assert refs() == [f"ledger:hold:{part.hold_id}"]


def test_coins_nobody_paid_for_are_found(account: Account) -> None:
    given = paid(account)
    plans.fulfil(given)
    credits.grant(account, 100, ref="welcome:1")
    assert refs() == []
    credits.grant(account, 100, ref="plan:never:bought")
    assert refs() == ["ledger:unpaid:plan:never:bought"]
    Payment.objects.update(state=PaymentState.FAILED)
    assert len(refs()) == 2


def test_paid_coins_that_were_not_given_are_found_after_a_quarter_of_an_hour(
    account: Account,
) -> None:
    given = paid(account, minutes_ago=5)
    assert refs() == []
    Payment.objects.update(succeeded_at=timezone.now() - timedelta(minutes=20))
    name = f"ledger:payment:sandbox:{given.payment.ref}"
    assert refs() == [name]
    Fulfilment.objects.all().delete()
    assert refs() == [name]


def test_payments_that_need_no_coins_are_no_problem(account: Account) -> None:
    paid(account)
    Payment.objects.update(refunded=goods.PRICE)
    assert refs() == []
    Payment.objects.update(refunded=0)
    Fulfilment.objects.all().delete()
    row = Payment.objects.get()
    note = Difference.objects.create(gateway="sandbox", kind="amount", ref=row.ref)
    assert refs() == []
    note.delete()
    row.order.state = OrderState.CONFLICT
    row.order.save()
    assert refs() == []
    goods.delivery(goods.order(account, goods.offer("billing.key", {"plan": "basic"})))
    Payment.objects.update(succeeded_at=timezone.now() - timedelta(days=1))
    assert refs() == []


def test_a_change_of_plan_needs_no_coins(account: Account) -> None:
    sold = goods.offer("billing.plan", {"coins": 5}, recurring=True)
    sub = goods.subscription(goods.order(account, sold))
    plans.fulfil(goods.delivery(sub.order, subscription=sub, paid=False))
    goods.payment(sub.order, sub, succeeded_at=timezone.now() - timedelta(days=1))
    assert refs() == []


def test_the_nightly_check_writes_problems_down_once(wallet: Wallet) -> None:
    assert ledgers.check() == 0
    Wallet.objects.update(debt=1)
    assert ledgers.check() == 1
    assert ledgers.check() == 1
    row = Difference.objects.get()
    assert (row.kind, row.ref, row.state) == ("ledger", f"ledger:wallet:{wallet.pk}", "open")
    Difference.objects.update(state=Difference.State.SETTLED)
    ledgers.check()
    assert Difference.objects.get().state == "settled"
    Wallet.objects.update(debt=2)
    ledgers.check()
    assert Difference.objects.get().state == "open"


def test_the_command_prints_problems_and_ends_with_1(wallet: Wallet) -> None:
    out = StringIO()
    call_command("check_ledgers", stdout=out)
    assert "All adds up: 1 wallets, 4 ledger entries, 1 grants, 2 holds" in out.getvalue()
    Wallet.objects.update(debt=1)
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_ledgers", stdout=out, stderr=StringIO())
    assert ended.value.code == 1
    assert f"ledger:wallet:{wallet.pk}: expected" in out.getvalue()


def test_the_check_takes_as_many_queries_for_many_wallets_as_for_one(wallet: Wallet) -> None:
    with CaptureQueriesContext(connection) as one:
        ledgers.problems()
    for number in range(10):
        credits.grant(Account.objects.create(name=str(number)), 10, ref=f"n{number}")
    with CaptureQueriesContext(connection) as many:
        assert ledgers.problems() == []
    assert len(many) == len(one)
