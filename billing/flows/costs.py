"""Costs: what outside services cost us, and what is left of an order or a product after that."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import BigIntegerField, F, QuerySet, Sum
from django.db.models.functions import Cast

from accounts.models import Account
from billing.models import Cost, Order, Payment, PaymentState

MICRO = 10_000  # millionths in a minor unit


@dataclass(frozen=True)
class Margin:
    """What came in, went out and is left in one currency; all in millionths of it."""

    currency: str
    revenue: int
    cost: int

    @property
    def margin(self) -> int:
        """What is left."""
        return self.revenue - self.cost


def record(
    *,
    product: str,
    provider: str,
    operation: str,
    units: Decimal | int,
    unit: str,
    amount_micro: int,
    currency: str = "USD",
    ref: str,
    account: Account | None = None,
    order: Order | None = None,
) -> Cost:
    """Write down what a call cost, once per `ref`; the same again returns the earlier row."""
    return Cost.objects.get_or_create(
        ref=ref,
        defaults={
            "product": product,
            "provider": provider,
            "operation": operation,
            "units": units,
            "unit": unit,
            "amount_micro": amount_micro,
            "currency": currency,
            "account": account,
            "order": order,
        },
    )[0]


def margin_by_order(orders: Iterable[Order]) -> dict[int, list[Margin]]:
    """Return the margins of orders by their id, one for each currency: two queries for all."""
    chosen = [order.pk for order in orders]
    return _margins(
        _revenue(Payment.objects.filter(order__in=chosen), "order_id"),
        _cost(Cost.objects.filter(order__in=chosen), "order_id"),
    )


def margin_by_product(since: datetime) -> dict[str, list[Margin]]:
    """Return the margins of all products since then, one for each currency."""
    return _margins(
        _revenue(Payment.objects.filter(succeeded_at__gte=since), "order__offer__product"),
        _cost(Cost.objects.filter(at__gte=since), "product"),
    )


def _revenue(payments: QuerySet[Payment], key: str) -> list[tuple[Any, str, int]]:
    """Sum up what was paid and kept, without the tax in it."""
    kept = Cast(F("amount") - F("refunded"), BigIntegerField())
    tax = kept * F("tax") / F("amount")
    rows = (
        payments.filter(state=PaymentState.SUCCEEDED, amount__gt=0)
        .order_by()
        .values_list(key, "currency")
        .annotate(sum=Sum(kept - tax, output_field=BigIntegerField()))
    )
    return [(name, currency, int(total) * MICRO) for name, currency, total in rows]


def _cost(costs: QuerySet[Cost], key: str) -> list[tuple[Any, str, int]]:
    rows = costs.order_by().values_list(key, "currency").annotate(sum=Sum("amount_micro"))
    return [(name, currency, int(total)) for name, currency, total in rows]


def _margins(
    revenue: list[tuple[Any, str, int]], cost: list[tuple[Any, str, int]]
) -> dict[Any, list[Margin]]:
    earned = {(name, currency): total for name, currency, total in revenue}
    spent = {(name, currency): total for name, currency, total in cost}
    found: dict[Any, list[Margin]] = defaultdict(list)
    for name, currency in sorted({*earned, *spent}, key=str):
        pair = (name, currency)
        found[name].append(Margin(currency, earned.get(pair, 0), spent.get(pair, 0)))
    return dict(found)
