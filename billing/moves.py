"""The legal moves of everything that has to do with money, in one table.

A move that is not listed cannot happen: it is an UPDATE that finds no row. Providers deliver
late, twice and in any order, so an event that comes too late simply changes nothing.
"""

from typing import Final

RUNNING: Final = frozenset({"trialing", "active", "past_due", "unpaid", "paused"})
# No payment of such an order delivered, and none is known to be on its way.
UNPAID: Final = frozenset({"open", "expired", "cancelled", "failed"})
# kind → new state → the states it may be reached from.
MOVES: Final[dict[str, dict[str, frozenset[str]]]] = {
    "order": {
        "open": frozenset({"draft", "expired", "cancelled", "failed"}),
        "processing": frozenset({"draft", "open", "expired", "cancelled", "failed"}),
        "expired": frozenset({"draft", "open"}),
        "cancelled": frozenset({"draft", "open"}),
        "failed": frozenset({"draft", "open", "processing"}),
        # Money that arrives late is still money: what had expired or failed can be paid.
        "paid": frozenset({"draft", "open", "processing", "expired", "cancelled", "failed"}),
        # Paid, but what was bought is gone: staff pays it back.
        "conflict": frozenset({"draft", "open", "processing", "expired", "cancelled", "failed"}),
        "partly_refunded": frozenset({"paid", "conflict"}),
        # From unpaid ones too: what came was not what was asked for, and went back.
        "refunded": UNPAID | {"paid", "conflict", "partly_refunded"},
        # The buyer's bank took the money back for good.
        "charged_back": UNPAID | {"paid", "conflict", "partly_refunded"},
    },
    "payment": {
        # After a declined card the same payment may be tried again, by bank debit say.
        "processing": frozenset({"created", "failed"}),
        "failed": frozenset({"created", "processing"}),
        "succeeded": frozenset({"created", "processing", "failed"}),
    },
    "refund": {
        "pending": frozenset({"requested"}),
        "succeeded": frozenset({"requested", "pending"}),
        # A bank may send a refund back after it had gone through.
        "failed": frozenset({"requested", "pending", "succeeded"}),
    },
    "dispute": {
        "under_review": frozenset({"open"}),
        "won": frozenset({"open", "under_review"}),
        "lost": frozenset({"open", "under_review"}),
    },
    # As the provider says, to and fro; but what has ended never runs again.
    "subscription": {
        "incomplete": frozenset(),
        "incomplete_expired": frozenset({"incomplete"}),
        **{
            state: (RUNNING | {"incomplete"}) - {state}
            for state in ("trialing", "active", "past_due", "unpaid", "paused", "canceled")
        },
    },
    "hold": {
        "captured": frozenset({"open"}),
        "released": frozenset({"open"}),
    },
}


def sources(kind: str, state: str) -> frozenset[str]:
    """Return the states from which `kind` may move to `state`. Raises KeyError for an unknown."""
    return MOVES[kind][state]
