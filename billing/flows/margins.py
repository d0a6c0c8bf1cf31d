"""Margins: what each product took in, paid back, owed the state, cost and kept."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from billing.flows import costs
from billing.models import Cost, Payment, PaymentState

Pair = tuple[str, str]  # product and currency


@dataclass(frozen=True)
class Line:
    """One product in one currency; all in millionths of it."""

    product: str
    currency: str
    received: int
    refunded: int
    tax: int
    revenue: int
    costs: list[tuple[str, int]]  # by provider, the dearest first
    margin: int

    @property
    def share(self) -> int | None:
        """The margin in per cent of the revenue; None where nothing was sold."""
        return round(self.margin * 100 / self.revenue) if self.revenue > 0 else None


def by_product(since: datetime) -> list[Line]:
    """Return a line for every product and currency since then: four queries for all."""
    taken, spent = _payments(since), _costs(since)
    lines = []
    for product, found in costs.margin_by_product(since).items():
        for each in found:
            received, refunded = taken.get((product, each.currency), (0, 0))
            lines.append(
                Line(
                    product=product,
                    currency=each.currency,
                    received=received,
                    refunded=refunded,
                    tax=received - refunded - each.revenue,
                    revenue=each.revenue,
                    costs=spent.get((product, each.currency), []),
                    margin=each.margin,
                )
            )
    return sorted(lines, key=lambda line: (line.product, line.currency))


def totals(lines: list[Line]) -> list[Line]:
    """Return one line for each currency, over all products."""
    found: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        found[line.currency].append(line)
    return [
        Line(
            product="All products",
            currency=currency,
            received=sum(line.received for line in part),
            refunded=sum(line.refunded for line in part),
            tax=sum(line.tax for line in part),
            revenue=sum(line.revenue for line in part),
            costs=[],
            margin=sum(line.margin for line in part),
        )
        for currency, part in sorted(found.items())
    ]


def _payments(since: datetime) -> dict[Pair, tuple[int, int]]:
    rows = Payment.objects.filter(state=PaymentState.SUCCEEDED, succeeded_at__gte=since).order_by()
    sums = rows.values_list("order__offer__product", "currency").annotate(
        Sum("amount"), Sum("refunded")
    )
    micro = costs.MICRO
    return {(name, currency): (a * micro, b * micro) for name, currency, a, b in sums}


def _costs(since: datetime) -> dict[Pair, list[tuple[str, int]]]:
    rows = Cost.objects.filter(at__gte=since).order_by()
    sums = rows.values_list("product", "currency", "provider").annotate(sum=Sum("amount_micro"))
    found: dict[Pair, list[tuple[str, int]]] = defaultdict(list)
    for product, currency, provider, total in sums.order_by("-sum"):
        found[product, currency].append((provider, total))
    return dict(found)
