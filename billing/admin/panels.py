"""Panels: short tables on the page of an order, an account or a wallet. One query each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from billing.admin.shown import (
    at_provider,
    link,
    micro,
    moment,
    row_link,
    state_of,
)
from billing.flows import costs
from billing.models import Cost, Order, PaymentState, RefundState
from billing.templatetags.money import bought, money
from common.jobs import JobState
from common.staff import act_url

MOST = 20  # rows of a panel; the list behind `more` has all


@dataclass(frozen=True)
class Panel:
    """A table with a title; cells are texts or safe HTML."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str = "None."
    more: str = ""  # the address of the whole list
    note: str = ""
    links: Sequence[tuple[str, str]] = field(default=())  # label and address


def act_link(request: HttpRequest, row: Any, name: str, label: str, permission: str) -> Any:
    """Link to an act that comes back to this page; nothing for those who may not."""
    user: Any = request.user
    if not user.has_perm(permission):
        return ""
    return link(f"{act_url(row, name)}?{urlencode({'next': request.get_full_path()})}", label)


def whole_list(model: str, **query: Any) -> str:
    """Return the address of a list of ours, narrowed."""
    return f"{reverse(f'admin:billing_{model}_changelist')}?{urlencode(query)}"


def orders(rows: Any, **values: Any) -> Panel:
    """Return orders, the newest first."""
    found = rows.select_related("offer").order_by("-pk")[:MOST]
    table = [
        (
            row_link(row, row.number),
            moment(row.created_at),
            bought(row),
            money(row.total, row.currency),
            state_of(row),
        )
        for row in found
    ]
    head = ("Order", "Made", "What", "Total", "State")
    return Panel("Orders", head, table, "No orders.", **values)


def payments(request: HttpRequest, rows: Any, **values: Any) -> Panel:
    """Return payments, the newest first, each with a link to refund it."""
    table = [
        (
            row_link(row, moment(row.succeeded_at or row.created_at)),
            money(row.amount, row.currency),
            money(row.refunded, row.currency) if row.refunded else "–",
            state_of(row),
            at_provider(row.gateway, "payment", row.ref),
            _refund_link(request, row),
        )
        for row in rows.order_by("-pk")[:MOST]
    ]
    head = ("When", "Amount", "Paid back", "State", "At the provider", "")
    return Panel("Payments", head, table, "Nothing was paid.", **values)


def _refund_link(request: HttpRequest, row: Any) -> Any:
    if row.state != PaymentState.SUCCEEDED or row.refunded >= row.amount:
        return ""
    return act_link(request, row, "refund", "Refund…", "billing.change_payment")


def refunds(request: HttpRequest, rows: Any, **values: Any) -> Panel:
    """Return refunds, the newest first."""
    table = [
        (
            row_link(row, moment(row.created_at)),
            money(row.amount, row.payment.currency),
            state_of(row),
            row.reason or "–",
            row.author or "–",
            act_link(request, row, "ask_again", "Ask again…", "billing.change_refund")
            if row.state == RefundState.REQUESTED
            else "",
        )
        for row in rows.select_related("payment", "author").order_by("-pk")[:MOST]
    ]
    head = ("When", "Amount", "State", "Why", "By", "")
    return Panel("Refunds", head, table, "None.", **values)


def disputes(rows: Any, **values: Any) -> Panel:
    """Return disputes, the newest first."""
    table = [
        (
            row_link(row, moment(row.created_at)),
            money(row.amount, row.payment.currency),
            state_of(row),
            row.reason or "–",
            moment(row.evidence_due),
            at_provider(row.gateway, "dispute", row.ref),
        )
        for row in rows.select_related("payment").order_by("-pk")[:MOST]
    ]
    head = ("When", "Amount", "State", "Reason", "Answer until", "At the provider")
    return Panel("Disputes", head, table, "None.", **values)


def subscriptions(rows: Any, **values: Any) -> Panel:
    """Return subscriptions, the newest first."""
    table = [
        (
            row_link(row, row.offer.name),
            state_of(row),
            moment(row.period_end),
            "yes" if row.cancel_at_period_end else "no",
            "yes" if row.duplicate else "no",
            at_provider(row.gateway, "subscription", row.ref),
        )
        for row in rows.select_related("offer").order_by("-pk")[:MOST]
    ]
    head = ("Plan", "State", "Period ends", "Ends then", "Paid twice", "At the provider")
    return Panel("Subscriptions", head, table, "None.", **values)


def fulfilments(request: HttpRequest, rows: Any, **values: Any) -> Panel:
    """Return what was delivered and taken back, each failed one with a link to try again."""
    table = [
        (
            row_link(row, row.get_verb_display()),
            row.handler,
            row.get_cause_display(),
            state_of(row),
            moment(row.finished_at or row.created_at),
            row.error[:120] or "–",
            act_link(request, row, "retry", "Try again…", "billing.change_fulfilment")
            if row.state in (JobState.FAILED, JobState.UNSURE)
            else "",
        )
        for row in rows.order_by("-pk")[:MOST]
    ]
    head = ("What", "Handler", "Because of", "State", "When", "Error", "")
    return Panel("Deliveries", head, table, "Nothing was delivered.", **values)


def invoices(rows: Any, **values: Any) -> Panel:
    """Return invoices and credit notes, the newest first."""
    table = [
        (
            row_link(row, row.number),
            row.get_kind_display(),
            moment(row.issued_at),
            money(row.total, row.currency),
            link(reverse("admin:billing_invoice_pdf", args=[row.pk]), "PDF"),
        )
        for row in rows.order_by("-pk")[:MOST]
    ]
    head = ("Number", "Kind", "Issued", "Total", "")
    return Panel("Invoices and credit notes", head, table, "None.", **values)


def costs_and_margin(order: Order) -> Panel:
    """Return what an order cost us, and what is left of it."""
    rows: Iterable[Cost] = order.costs.all()[:MOST]
    table = [
        (
            moment(row.at),
            row.provider,
            row.operation or "–",
            f"{row.units.normalize():f} {row.unit}",
            micro(row.amount_micro, row.currency),
        )
        for row in rows
    ]
    found = costs.margin_by_order([order]).get(order.pk, [])
    words = [
        f"Kept {micro(each.revenue, each.currency)} without tax, cost "
        f"{micro(each.cost, each.currency)}: margin {micro(each.margin, each.currency)}."
        for each in found
    ]
    head = ("When", "Provider", "What", "Units", "Amount")
    empty = "No paid call to an outside service was made for it."
    return Panel("Costs and margin", head, table, empty, note=" ".join(words))
