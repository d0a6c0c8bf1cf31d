"""What outside services cost, and what is left after that."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from billing.flows import costs
from billing.flows.costs import Margin
from billing.models import Cost, Order, PaymentState
from tests.billing import goods


@pytest.fixture
def bought(account: Account) -> Order:
    return goods.order(account, goods.offer("billing.plan", {"coins": 5}), tax=500)


def spend(amount_micro: int, ref: str, **fields: object) -> Cost:
    known = {"product": "writing", "provider": "openai", "operation": "chat", "units": 10}
    return costs.record(**{**known, "unit": "token", **fields}, amount_micro=amount_micro, ref=ref)


def test_a_call_is_counted_once(account: Account, bought: Order) -> None:
    first = spend(1234, "call-1", account=account, order=bought)
    assert spend(9999, "call-1").pk == first.pk
    row = Cost.objects.get()
    assert (row.amount_micro, row.currency, row.account, row.order) == (
        1234, "USD", account, bought,
    )  # fmt: skip


def test_the_margin_of_an_order_is_what_came_in_without_tax_less_its_costs(bought: Order) -> None:
    goods.payment(bought)
    spend(200_000, "a", order=bought)
    spend(100_000, "b", order=bought)
    assert costs.margin_by_order([bought]) == {bought.pk: [Margin("USD", 45_000_000, 300_000)]}
    assert costs.margin_by_order([bought])[bought.pk][0].margin == 44_700_000


def test_what_was_paid_back_is_no_revenue_nor_is_its_tax_a_loss(bought: Order) -> None:
    goods.payment(bought, refunded=2500)
    assert costs.margin_by_order([bought])[bought.pk] == [Margin("USD", 22_500_000, 0)]
    bought.payments.update(refunded=5000)
    assert costs.margin_by_order([bought])[bought.pk] == [Margin("USD", 0, 0)]


def test_only_payments_that_succeeded_count(bought: Order) -> None:
    goods.payment(bought, state=PaymentState.FAILED)
    assert costs.margin_by_order([bought]) == {}


def test_currencies_are_kept_apart(bought: Order) -> None:
    goods.payment(bought, currency="INR")
    spend(100, "a", order=bought)
    assert costs.margin_by_order([bought])[bought.pk] == [
        Margin("INR", 45_000_000, 0),
        Margin("USD", 0, 100),
    ]


def test_large_amounts_do_not_overflow(bought: Order) -> None:
    goods.payment(bought, amount=2_000_000_000, tax=300_000_000)
    assert costs.margin_by_order([bought])[bought.pk][0].revenue == 1_700_000_000 * 10_000


def test_products_are_summed_up_since_a_day(account: Account, bought: Order) -> None:
    goods.payment(bought)
    goods.payment(bought, succeeded_at=timezone.now() - timedelta(days=40))
    spend(1_000_000, "a", order=bought)
    spend(7, "b", product="calendars")
    found = costs.margin_by_product(timezone.now() - timedelta(days=30))
    assert found == {
        "writing": [Margin("USD", 45_000_000, 1_000_000)],
        "calendars": [Margin("USD", 0, 7)],
    }


def test_many_orders_take_two_queries(account: Account) -> None:
    sold = goods.offer("billing.plan", {"coins": 5})
    orders = [goods.order(account, sold) for _ in range(5)]
    for order in orders:
        goods.payment(order)
    with CaptureQueriesContext(connection) as queries:
        assert len(costs.margin_by_order(orders)) == 5
    assert len(queries) == 2
