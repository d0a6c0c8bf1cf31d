"""An order's page: where it stands, what came of it, and what can be done about it."""

from typing import Any, Final
from uuid import UUID

import structlog
from django.contrib import messages
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from redis.exceptions import RedisError

from accounts.models import Account
from billing.errors import BillingError
from billing.flows import checkout, events, keyplans
from billing.gateways.contract import NotFound
from billing.models import (
    Dispute,
    Fulfilment,
    Invoice,
    Order,
    OrderState,
    Refund,
    Subscription,
    Wallet,
)
from billing.views import access
from billing.views.words import words_for
from common.http import ServiceError
from common.jobs import JobState
from common.ratelimit import limit, visitor_of

log = structlog.get_logger(__name__)

LOOKS_A_MINUTE = 60
ASK_EVERY = 5  # seconds between two questions about one order to the provider, by waiting pages
WAITING: Final = (OrderState.DRAFT, OrderState.OPEN, OrderState.PROCESSING)
PAYABLE: Final = (
    OrderState.DRAFT,
    OrderState.OPEN,
    OrderState.EXPIRED,
    OrderState.CANCELLED,
    OrderState.FAILED,
)
GIVE_UP: Final = (OrderState.DRAFT, OrderState.OPEN)


AWAY = "We can't reach the payment provider just now, so this may be a little old. Look again soon."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def order(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Show an order; a POST pays it, gives it up, or takes the key it brought."""
    limit("order", visitor_of(request), most=LOOKS_A_MINUTE, seconds=60)
    if (coming := access.come_in(request, uuid)) is not None:
        return coming
    row = access.order_or_404(request, uuid, staff=True)
    if request.method == "POST":
        return _act(request, row)
    return _page(request, row)


def _act(request: HttpRequest, row: Order) -> HttpResponse:
    access.acting_or_404(request, row)
    acts = {"pay": _pay, "cancel": _cancel, "claim": _claim}
    act = acts.get(request.POST.get("do", ""))
    if act is None:
        raise Http404
    try:
        return act(request, row)
    except BillingError as error:
        messages.error(request, error.message)
        if error.code == "changed":
            return redirect("billing:buy-offer", row.offer.code)
        return redirect("billing:order", row.uuid)


def _pay(request: HttpRequest, row: Order) -> HttpResponse:
    return redirect(access.here(checkout.start(row)))


def _cancel(request: HttpRequest, row: Order) -> HttpResponse:
    checkout.cancel(row)
    return redirect("billing:order", row.uuid)


def _claim(request: HttpRequest, row: Order) -> HttpResponse:
    """Make the key and show it in this very answer: it is stored nowhere."""
    plan = getattr(row, "key_plan", None)
    if plan is None:
        raise Http404
    _, text = keyplans.claim(plan, user=access.user_of(request))
    return _page(request, access.order_or_404(request, row.uuid), new_key=text)


@never_cache
@require_safe
def order_state(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Show just where an order stands, for the page that asks every few seconds."""
    limit("order-state", visitor_of(request), most=LOOKS_A_MINUTE, seconds=60)
    row = access.order_or_404(request, uuid, staff=True)
    return render(request, "billing/_state.html", _state(request, *_look(row, gently=True)))


def _look(row: Order, *, gently: bool = False) -> tuple[Order, str]:
    """Ask the provider about an order; return it, and what to say where the provider is down.

    `gently`: not again if somebody asked a moment ago.
    """
    if row.state not in WAITING or not row.checkout_ref or (gently and not _is_due(row)):
        return row, ""
    try:
        return events.refresh(row), ""
    except (ServiceError, NotFound, BillingError) as error:
        log.warning("order_not_refreshed", order=row.pk, error=str(error))
        row.refresh_from_db()
        return row, AWAY


def _is_due(row: Order) -> bool:
    try:
        return cache.add(f"order-asked:{row.pk}:{row.attempt}", 1, ASK_EVERY)
    except (RedisError, OSError):
        return True  # the cache spares the provider; without it the buyer still gets an answer


def _state(request: HttpRequest, row: Order, away: str) -> dict[str, Any]:
    left = "left" in request.GET and row.state in GIVE_UP
    waiting = row.state in (OrderState.OPEN, OrderState.PROCESSING)
    return {
        "order": row,
        "said": words_for(row, left=left),
        "waiting": waiting and not left,
        "polls": waiting,
        "away": away,
        "left": left,
    }


def _page(request: HttpRequest, row: Order, *, new_key: str = "") -> HttpResponse:
    row, away = _look(row)
    acting = access.may_act(request, row)
    payments = list(row.payments.order_by("pk").exclude(state="created"))
    paid = [payment for payment in payments if payment.state == "succeeded"]
    context = {
        **_state(request, row, away),
        "payments": payments,
        "refunds": _refunds(row) if paid else [],
        "disputes": list(Dispute.objects.filter(payment__order=row)) if paid else [],
        "invoices": list(Invoice.objects.filter(order=row).order_by("pk")) if paid else [],
        "preparing": bool(row.paid_at) and _preparing(row),
        "subscription": _subscription(row),
        "key_plan": getattr(row, "key_plan", None),
        "wallet": _wallet(request, row),
        "acting": acting,
        "can_pay": acting and row.state in PAYABLE,
        "can_give_up": acting and row.state in GIVE_UP,
        "test": row.gateway == "sandbox",
        "new_key": new_key,
    }
    response = render(request, "billing/order.html", context)
    if new_key:
        response["Cache-Control"] = "no-store"
    return response


def _refunds(row: Order) -> list[Refund]:
    return list(Refund.objects.filter(payment__order=row).select_related("payment").order_by("pk"))


def _preparing(row: Order) -> bool:
    """Whether something that was paid for is not delivered yet."""
    done = (JobState.SUCCEEDED, JobState.CANCELLED)
    return row.fulfilments.filter(verb=Fulfilment.Verb.FULFIL).exclude(state__in=done).exists()


def _subscription(row: Order) -> Subscription | None:
    return getattr(row, "subscription", None)


def _wallet(request: HttpRequest, row: Order) -> Wallet | None:
    """Return the coins the buyer has now, where this order was about coins.

    For members only: whoever buys for somebody's address learns nothing about what they have.
    """
    if not (row.paid_at and row.price.entitlement.get("coins")):
        return None
    if str(row.uuid) in access.shown_here(request):
        members = Account.objects.visible_to(request.user)
        if not members.filter(pk=row.account_id).exists():
            return None
    return getattr(row.account, "wallet", None)
