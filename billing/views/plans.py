"""Plans and coins: all that a person's accounts have, owe, bought and were sent."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import structlog
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Account, Membership, Role, User
from billing import gateways
from billing.errors import BillingError
from billing.features import FEATURES, period_start
from billing.models import (
    AccountUsage,
    Customer,
    Entitlement,
    Invoice,
    LedgerEntry,
    Order,
    Subscription,
    Wallet,
)
from common.http import ServiceError
from common.ratelimit import limit, visitor_of

log = structlog.get_logger(__name__)

PER_PAGE = 50  # coin changes
NEWEST = 20  # orders and invoices
ENDED = 5  # subscriptions that are over
MANAGES: Final = (Role.OWNER, Role.ADMIN)


@dataclass
class Limit:
    """What a plan gives of a feature, and what was used of it in this period."""

    feature: str
    used: int
    limit: int | None


@dataclass
class Holder:
    """One account, with what it has."""

    account: Account
    manages: bool
    subscriptions: list[Subscription] = field(default_factory=list)
    wallet: Wallet | None = None
    limits: list[Limit] = field(default_factory=list)
    portals: set[str] = field(default_factory=set)  # gateways that know this account


@dataclass(frozen=True)
class Change:
    """One change of coins."""

    entry: LedgerEntry
    account: Account

    @property
    def before(self) -> int:
        """What there was before it."""
        return self.entry.balance_after - self.entry.amount


@login_required
@require_safe
def plans(request: HttpRequest) -> HttpResponse:
    """Show subscriptions, coins, limits, orders and invoices of all accounts of a person."""
    assert isinstance(request.user, User)
    members = Membership.objects.filter(user=request.user).select_related("account").order_by("pk")
    holders = {row.account_id: Holder(row.account, row.role in MANAGES) for row in members}
    _fill(holders)
    changes, older = _history(request, holders)
    orders = Order.objects.filter(account__in=holders).select_related("offer", "account")
    invoices = Invoice.objects.filter(order__account__in=holders).select_related("order__account")
    context = {
        "holders": list(holders.values()),
        "several": len(holders) > 1,
        "changes": changes,
        "older": older,
        "paged": "before" in request.GET,
        "orders": list(orders[:NEWEST]),
        "invoices": list(invoices[:NEWEST]),
        "newest": NEWEST,
    }
    return render(request, "billing/plans.html", context)


def _fill(holders: dict[int, Holder]) -> None:
    mine = list(holders)
    for row in _ordered(
        Subscription.objects.filter(account__in=mine).select_related("offer", "price", "order")
    ):
        holders[row.account_id].subscriptions.append(row)
    for wallet in Wallet.objects.filter(account__in=mine):
        holders[wallet.account_id].wallet = wallet
    for customer in Customer.objects.filter(account__in=mine):
        if _has_portal(customer.gateway):
            holders[customer.account_id].portals.add(customer.gateway)
    starts = _starts()
    counted = AccountUsage.objects.filter(account__in=mine, period_start__in=set(starts.values()))
    used = {(row.account_id, row.meter, row.period_start): row.used for row in counted}
    for account_id, limits in _limits(Entitlement.objects.valid().filter(account__in=mine)).items():
        holders[account_id].limits = [
            Limit(
                code, used.get((account_id, code, starts[code]), 0) if code in starts else 0, most
            )
            for code, most in sorted(limits.items())
        ]


def _ordered(rows: Iterable[Subscription]) -> list[Subscription]:
    """Put what runs first; of what is over only the latest are worth a line."""
    found = list(rows)
    over = [row for row in found if not row.runs and row.ended_at]
    return [row for row in found if row not in over] + over[:ENDED]


def _starts() -> dict[str, date]:
    """Return the day on which each meter began to count."""
    today = timezone.now().date()
    return {code: period_start(code, today) for code in FEATURES}


def _limits(rows: Iterable[Entitlement]) -> dict[int, dict[str, int | None]]:
    """Return the best limit of each account and feature."""
    best: dict[int, dict[str, int | None]] = {}
    for row in rows:
        mine = best.setdefault(row.account_id, {})
        known = mine.get(row.feature, 0)
        unlimited = row.limit is None or known is None
        mine[row.feature] = None if unlimited else max(known or 0, row.limit or 0)
    return best


def _history(request: HttpRequest, holders: dict[int, Holder]) -> tuple[Sequence[Change], int]:
    """Return a page of coin changes, the newest first, and where the next page begins."""
    wallets = {h.wallet.pk: h.account for h in holders.values() if h.wallet is not None}
    if not wallets:
        return [], 0
    found = list(_newest(list(wallets), _number(request.GET.get("before", ""))))
    page = [Change(row, wallets[row.wallet_id]) for row in found[:PER_PAGE]]
    return page, page[-1].entry.pk if len(found) > PER_PAGE else 0


def _newest(wallets: list[int], before: int | None) -> QuerySet[LedgerEntry]:
    """Return a page of these wallets' entries and one more, the newest first."""
    rows = (
        LedgerEntry.objects.all() if before is None else LedgerEntry.objects.filter(pk__lt=before)
    )
    if len(wallets) == 1:
        return rows.filter(wallet__in=wallets).order_by("-pk")[: PER_PAGE + 1]
    # For several wallets PostgreSQL would walk back through everybody's entries. So ask each wallet
    # how far a page reaches in it, and sort only what lies within, by what no index offers.
    last = rows.filter(wallet=OuterRef("pk")).order_by("-pk").values("pk")[PER_PAGE : PER_PAGE + 1]
    reach = Wallet.objects.filter(pk__in=wallets).annotate(last=Subquery(last))
    within = Q(pk__in=())
    for wallet, oldest in reach.values_list("pk", "last"):
        within |= Q(wallet=wallet, pk__gte=oldest or 0)
    return rows.filter(within).order_by((F("pk") + 0).desc())[: PER_PAGE + 1]


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _has_portal(code: str) -> bool:
    try:
        return hasattr(gateways.by_code(code), "portal_url")
    except BillingError:
        return False


@login_required
@require_POST
def portal(request: HttpRequest) -> HttpResponse:
    """Lead to the provider's own page about cards, plans and cancelling."""
    limit("portal", visitor_of(request), most=20, seconds=60)
    account, gateway = _number(request.POST.get("account", "")), request.POST.get("gateway", "")
    managed = Account.objects.manageable_by(request.user).filter(pk=account or 0)
    customer = Customer.objects.filter(account__in=managed, gateway=gateway).first()
    if customer is None or not _has_portal(gateway):
        raise Http404
    back = settings.PUBLIC_BASE_URL + reverse("billing:plans")
    try:
        url: str = gateways.by_code(gateway).portal_url(customer.ref, back)  # type: ignore[attr-defined]
    except ServiceError as error:
        log.warning("portal_not_opened", customer=customer.pk, error=str(error))
        messages.error(request, "The provider's page can't be opened just now. Try again soon.")
        return redirect("billing:plans")
    return redirect(url)
