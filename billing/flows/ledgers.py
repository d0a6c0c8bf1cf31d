"""Ledgers: proof that the coins add up, and that every paid coin was given and none unpaid."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from celery import shared_task
from django.db import connection
from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat, Substr
from django.utils import timezone

from billing import triggers
from billing.flows import differences
from billing.models import (
    Difference,
    Fulfilment,
    Grant,
    OrderState,
    Payment,
    PaymentState,
)

log = structlog.get_logger(__name__)

SLACK = timedelta(minutes=15)  # between a payment and its coins
HANDLER = "billing.plan"
PREFIX = "ledger:"


@dataclass(frozen=True)
class Problem:
    """Something that does not add up: `ref` says what, always the same for the same thing."""

    ref: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.ref}: expected {self.expected}, found {self.actual}"


# Each is one statement, so it sees one moment, whatever is written meanwhile.
SUMS = """
SELECT w.id, w.balance, w.debt, COALESCE(s.amount, 0), COALESCE(s.debt, 0),
  COALESCE(e.balance_after, 0), COALESCE(e.debt_after, 0)
FROM billing_wallet w
LEFT JOIN (SELECT wallet_id, SUM(amount) AS amount, SUM(debt_change) AS debt, MAX(id) AS last
           FROM billing_ledgerentry GROUP BY wallet_id) s ON s.wallet_id = w.id
LEFT JOIN billing_ledgerentry e ON e.id = s.last
WHERE w.balance < 0 OR w.debt < 0
  OR w.balance <> COALESCE(s.amount, 0) OR w.debt <> COALESCE(s.debt, 0)
  OR w.balance <> COALESCE(e.balance_after, 0) OR w.debt <> COALESCE(e.debt_after, 0)
ORDER BY w.id LIMIT %s
"""
CHAIN = """
SELECT id, was + amount, balance_after, owed + debt_change, debt_after FROM (
  SELECT id, amount, balance_after, debt_change, debt_after,
    LAG(balance_after, 1, 0) OVER history AS was, LAG(debt_after, 1, 0) OVER history AS owed
  FROM billing_ledgerentry WINDOW history AS (PARTITION BY wallet_id ORDER BY id)
) AS entries
WHERE balance_after <> was + amount OR debt_after <> owed + debt_change
ORDER BY id LIMIT %s
"""
GRANTS = """
SELECT w.id, w.balance, COALESCE(g.remaining, 0) FROM billing_wallet w
LEFT JOIN (SELECT wallet_id, SUM(remaining) AS remaining FROM billing_grant
           WHERE remaining <> 0 GROUP BY wallet_id) g ON g.wallet_id = w.id
WHERE w.balance <> COALESCE(g.remaining, 0)
ORDER BY w.id LIMIT %s
"""
# What a hold took is its amount; what was not given back is held still, or was spent in the end.
HOLDS = """
SELECT h.id, h.amount, COALESCE(p.amount, 0),
  CASE h.state WHEN 'open' THEN h.amount ELSE h.captured END, COALESCE(p.kept, 0)
FROM billing_hold h
LEFT JOIN (SELECT hold_id, SUM(amount) AS amount, SUM(amount - returned) AS kept
           FROM billing_holdpart GROUP BY hold_id) p ON p.hold_id = h.id
WHERE h.amount <> COALESCE(p.amount, 0)
  OR CASE h.state WHEN 'open' THEN h.amount ELSE h.captured END <> COALESCE(p.kept, 0)
ORDER BY h.id LIMIT %s
"""


def problems(limit: int = 100) -> list[Problem]:
    """Return what does not add up, at most `limit` of each kind; nothing is changed."""
    checks: list[Callable[[int], Iterator[Problem]]] = [
        _guards,
        _sums,
        _chain,
        _grants,
        _holds,
        _unpaid_grants,
        _missing_grants,
    ]
    return [problem for check in checks for problem in check(limit)]


def _rows(sql: str, limit: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [limit])
        return list(cursor.fetchall())


def _guards(limit: int) -> Iterator[Problem]:
    with connection.cursor() as cursor:
        cursor.execute(triggers.COUNT[connection.vendor])
        there = int(cursor.fetchone()[0])
    wanted = triggers.COMPLETE[connection.vendor]
    if there != wanted:
        yield Problem(f"{PREFIX}triggers", f"{wanted} guarding the ledger", str(there))


def _sums(limit: int) -> Iterator[Problem]:
    for pk, balance, debt, amount, owed, after, debt_after in _rows(SUMS, limit):
        yield Problem(
            f"{PREFIX}wallet:{pk}",
            f"balance {amount} and debt {owed}, the sums of its entries",
            f"balance {balance} and debt {debt}; its last entry says {after} and {debt_after}",
        )


def _chain(limit: int) -> Iterator[Problem]:
    for pk, balance, found, debt, owed in _rows(CHAIN, limit):
        yield Problem(
            f"{PREFIX}entry:{pk}",
            f"balance {balance} and debt {debt} after it",
            f"balance {found} and debt {owed}",
        )


def _grants(limit: int) -> Iterator[Problem]:
    for pk, balance, remaining in _rows(GRANTS, limit):
        yield Problem(
            f"{PREFIX}grants:{pk}",
            f"{balance} left of its grants, the wallet's balance",
            str(remaining),
        )


def _holds(limit: int) -> Iterator[Problem]:
    for pk, amount, taken, kept, parts in _rows(HOLDS, limit):
        yield Problem(
            f"{PREFIX}hold:{pk}",
            f"parts of {amount} with {kept} kept",
            f"parts of {taken} with {parts} kept",
        )


def _unpaid_grants(limit: int) -> Iterator[Problem]:
    """Coins of a plan that nobody paid for."""
    paid = Fulfilment.objects.filter(
        dedupe_key=OuterRef("key"), payment__state=PaymentState.SUCCEEDED
    )
    grants = Grant.objects.filter(ref__startswith="plan:").annotate(key=Substr("ref", 6))
    unpaid = grants.filter(~Exists(paid)).order_by("pk")
    for ref, amount in unpaid.values_list("ref", "amount")[:limit]:
        yield Problem(f"{PREFIX}unpaid:{ref}", "a payment that succeeded", f"{amount} given")


def _missing_grants(limit: int) -> Iterator[Problem]:
    """Payments of coins that were not given."""
    for gateway, ref in _not_given().values_list("gateway", "ref")[:limit]:
        yield Problem(f"{PREFIX}payment:{gateway}:{ref}", "its coins", "none")


def _not_given() -> QuerySet[Payment]:
    """Return payments whose delivery gave no coins, and one-offs without any delivery.

    Left out: what went wrong in a way that staff know of, and what was paid back whole. A
    subscription's payment without a delivery may be for a change of plan, which gives no coins.
    """
    granted = Grant.objects.filter(
        ref=Concat(Value("plan:"), OuterRef("dedupe_key"), output_field=CharField())
    )
    delivered = Fulfilment.objects.filter(
        payment=OuterRef("pk"), verb=Fulfilment.Verb.FULFIL, handler=HANDLER
    )
    known = Difference.objects.filter(gateway=OuterRef("gateway"), ref=OuterRef("ref"))
    old = Payment.objects.filter(
        state=PaymentState.SUCCEEDED,
        succeeded_at__lt=timezone.now() - SLACK,
        refunded__lt=F("amount"),
    ).exclude(order__state=OrderState.CONFLICT)
    not_granted = Exists(delivered.filter(~Exists(granted), entitlement__coins__gt=0))
    not_delivered = Q(
        ~Exists(delivered),
        ~Exists(known),
        subscription__isnull=True,
        order__offer__handler=HANDLER,
        order__price__entitlement__coins__gt=0,
    )
    return old.filter(Q(not_granted) | not_delivered).order_by("pk")


@shared_task
def check() -> int:
    """Write down for staff what does not add up; return how many problems there are."""
    found = problems()
    for problem in found:
        log.error("ledger_problem", problem=str(problem))
        row = differences.note(
            Difference.Kind.LEDGER, problem.ref, expected=problem.expected, actual=problem.actual
        )
        if row.state != Difference.State.OPEN and row.actual != problem.actual[:300]:
            # Closed once, and wrong again in another way.
            Difference.objects.filter(pk=row.pk).update(
                state=Difference.State.OPEN, actual=problem.actual[:300], settled_at=None
            )
    return len(found)
