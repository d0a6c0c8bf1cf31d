"""The staff door: everything about money, to look at, and acts that call flows."""

from billing.admin import (
    books,
    catalogue,
    credits,
    customer,
    inbox,
    keys,
    mirror,
    orders,
    payments,
    sections,
)

__all__ = [
    "books",
    "catalogue",
    "credits",
    "customer",
    "inbox",
    "keys",
    "mirror",
    "orders",
    "payments",
    "sections",
]
