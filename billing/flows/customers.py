"""Customers: from whatever somebody wrote to us, an address, a number, a key, to their account."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from accounts.models import Account, ApiKey, Membership, digest_of
from accounts.models.key import ApiKeyQuerySet
from billing.models import (
    Customer,
    Dispute,
    Invoice,
    KeyPlan,
    Order,
    Payment,
    Refund,
    Subscription,
)

MOST = 25  # accounts shown; each place that is searched gives at most as many
HEX = re.compile(r"[0-9a-f]{4,32}\Z")


@dataclass(frozen=True)
class Found:
    """An account and why it was found."""

    account: Account
    because: str


def find(text: str) -> list[Found]:
    """Return the accounts that something leads to; the same number of queries for any text.

    Understands addresses, names, order numbers, the start of a key or a whole one, the numbers of
    invoices and the ids of a provider.
    """
    text = text.strip()
    if len(text) < 2:
        return []
    because: dict[int, str] = {}
    for words, pks in _places(text):
        for pk in pks:
            because.setdefault(pk, words)
    rows = Account.objects.in_bulk(list(because)[:MOST])
    return [Found(rows[pk], words) for pk, words in because.items() if pk in rows]


def _places(text: str) -> Iterable[tuple[str, list[int]]]:
    """Return where something was found, the surest places first."""
    yield "order", _orders(text)
    yield "invoice", _ids(Invoice.objects.filter(number__iexact=text), "order__account")
    yield "key", _ids(_keys(text), "account")
    yield (
        "payment",
        _ids(Payment.objects.filter(Q(ref=text) | Q(invoice_ref=text)), "order__account"),
    )
    yield "refund", _ids(Refund.objects.filter(ref=text), "payment__order__account")
    yield "dispute", _ids(Dispute.objects.filter(ref=text), "payment__order__account")
    yield "subscription", _ids(Subscription.objects.filter(ref=text), "account")
    yield "customer at the provider", _ids(Customer.objects.filter(ref=text), "account")
    person = Q(user__email__icontains=text) | Q(user__name__icontains=text)
    yield "member", _ids(Membership.objects.filter(person), "account")
    yield (
        "account",
        _ids(Account.objects.filter(Q(name__icontains=text) | Q(email__icontains=text)), "pk"),
    )
    yield "address of a key", _ids(KeyPlan.objects.filter(email__iexact=text), "account")
    yield "buyer of an order", _ids(Order.objects.filter(buyer__email=text.lower()), "account")


def _orders(text: str) -> list[int]:
    number = text.lower().removeprefix("order ").strip("# ").replace("-", "")
    wanted = Q(checkout_ref=text)
    if HEX.match(number):
        # PostgreSQL compares the id as it is written, with its hyphens.
        parts = (number[:8], number[8:12], number[12:16], number[16:20], number[20:])
        wanted |= Q(uuid__startswith="-".join(part for part in parts if part))
    return _ids(Order.objects.filter(wanted), "account")


def _keys(text: str) -> ApiKeyQuerySet:
    """Find a key by its visible start, or by the whole of it, which is stored nowhere."""
    wanted = Q(digest=digest_of(text)) | Q(email__iexact=text)
    if len(text) >= 8:
        wanted |= Q(prefix__startswith=text)
    found: ApiKeyQuerySet = ApiKey.objects.filter(wanted)
    return found


def _ids(rows: object, column: str) -> list[int]:
    newest = rows.order_by("-pk").values_list(column, flat=True)  # type: ignore[attr-defined]
    return list(dict.fromkeys(newest[: MOST * 2]))[:MOST]
