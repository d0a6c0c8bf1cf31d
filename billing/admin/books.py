"""Staff: what does not add up, what outside services cost, margins and the proof of the coins."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django_celery_beat.models import PeriodicTask

from billing.admin.base import MoneyAdmin
from billing.admin.panels import Panel, act_link, whole_list
from billing.admin.shown import badge, micro, moment, row_link, tone_of
from billing.flows import desk, differences, margins
from billing.models import Cost, Difference, ReconciliationRun
from common.staff import Act, AttentionFilter

PERIODS = (7, 30, 90, 365)
NIGHTLY = "billing.flows.ledgers.check"


def _settle(row: Difference, actor: Any, values: dict[str, Any]) -> str:
    differences.settle(row, actor=actor, reason=values["reason"])
    return f"Closed: {row}."


@admin.register(Difference)
class DifferenceAdmin(MoneyAdmin):
    """What the providers' books and ours do not agree on, for a person to decide."""

    list_display = (
        "kind",
        "ref",
        "expected",
        "actual",
        "difference_state",
        "gateway",
        "created_at",
    )
    list_filter = (AttentionFilter, "state", "kind", "gateway")
    search_fields = ("ref", "expected", "actual", "resolution")
    date_hierarchy = "created_at"
    fields = (
        *("kind", "ref", "gateway", "expected", "actual", "difference_state", "resolution"),
        *("run", "created_at", "settled_at"),
    )
    acts = (
        Act(
            "settle",
            "Close…",
            _settle,
            explain="Nothing is moved by this: say what was done, or why nothing need be.",
            fits=lambda row: row.state == Difference.State.OPEN,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the run in the same query."""
        return super().get_queryset(request).select_related("run")

    @admin.display(description="State", ordering="state")
    def difference_state(self, row: Difference) -> SafeString:
        """Return the state; an open one waits for somebody."""
        is_open = row.state == Difference.State.OPEN
        return badge(row.get_state_display(), "bad" if is_open else tone_of(row.state))


class Unhappy(AttentionFilter):
    """Comparisons that broke off or left something for a person."""

    def narrow(self, queryset: Any) -> Any:
        """Return those."""
        return queryset.filter(~Q(error="") | Q(left_open__gt=0))


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(MoneyAdmin):
    """Comparisons of a provider's books with ours, and of the ledger with itself."""

    list_display = ("started_at", "gateway", "seen", "repaired", "left_open", "error")
    list_filter = (Unhappy, "gateway")
    search_fields = ("error",)
    date_hierarchy = "started_at"


@admin.register(Cost)
class CostAdmin(MoneyAdmin):
    """Every paid call to an outside service."""

    list_display = ("at", "provider", "operation", "product", "cost", "account", "order")
    list_filter = ("product", "provider", "currency")
    list_select_related = ("account", "order")
    search_fields = ("ref", "operation", "account__name", "order__uuid__istartswith")
    date_hierarchy = "at"
    fields = (
        *("provider", "operation", "product", "units", "unit", "cost", "ref"),
        *("account", "order", "at"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the names of a row in the same query."""
        return super().get_queryset(request).select_related("account", "order")

    @admin.display(description="Amount", ordering="amount_micro")
    def cost(self, row: Cost) -> str:
        """Return what it cost."""
        return micro(row.amount_micro, row.currency)


def margin(request: HttpRequest) -> HttpResponse:
    """Show what each product took in, cost and kept."""
    wanted = request.GET.get("days", "")
    days = int(wanted) if wanted in map(str, PERIODS) else 30
    lines = margins.by_product(timezone.now() - timedelta(days=days))
    head = ("Product", "Received", "Paid back", "Tax", "Kept", "Costs", "Margin", "")
    table = [_margin_row(line) for line in lines]
    sums = [_margin_row(line) for line in margins.totals(lines)] if len(lines) > 1 else []
    context = {
        **admin.site.each_context(request),
        "title": "Margin",
        "days": days,
        "periods": PERIODS,
        "panel": Panel(
            f"The last {days} days", head, [*table, *sums], "Nothing was sold or spent."
        ),
    }
    return TemplateResponse(request, "admin/billing/margin.html", context)


def _margin_row(line: margins.Line) -> tuple[str, ...]:
    spent = ", ".join(f"{name} {micro(total, line.currency)}" for name, total in line.costs)
    kept = (line.received, -line.refunded, -line.tax, line.revenue)
    return (
        line.product,
        *(micro(amount, line.currency) for amount in kept),
        spent or "–",
        micro(line.margin, line.currency),
        "–" if line.share is None else f"{line.share} %",
    )


def ledgers(request: HttpRequest) -> HttpResponse:
    """Show when the coins were proved last, and what did not add up; a POST proves them now."""
    user: Any = request.user
    may_check = user.has_perm("billing.change_difference")
    if request.method == "POST":
        if not may_check:
            raise PermissionDenied
        found = desk.check_ledgers(actor=user).left_open
        if found:
            messages.error(request, f"{found} things do not add up. They stand below.")
        else:
            messages.success(request, "Everything adds up.")
        return HttpResponseRedirect(reverse("admin:billing_ledgers"))
    nightly = PeriodicTask.objects.filter(task=NIGHTLY).first()
    by_hand = ReconciliationRun.objects.filter(gateway=desk.LEDGERS).first()
    context = {
        **admin.site.each_context(request),
        "title": "Ledgers",
        "nightly": moment(nightly.last_run_at) if nightly else "–",
        "by_hand": by_hand,
        "may_check": may_check,
        "panel": _open(request),
    }
    return TemplateResponse(request, "admin/billing/ledgers.html", context)


def _open(request: HttpRequest) -> Panel:
    rows = Difference.objects.needing_attention().filter(kind=Difference.Kind.LEDGER)[:100]
    table = [
        (
            row_link(row, row.ref),
            row.expected,
            row.actual,
            moment(row.created_at),
            act_link(request, row, "settle", "Close…", "billing.change_difference"),
        )
        for row in rows
    ]
    head = ("What", "Expected", "Found", "Since", "")
    more = whole_list("difference", kind__exact="ledger")
    return Panel("What does not add up", head, table, "Nothing: all coins are accounted for.", more)


SITE: Any = admin.site
SITE.add_page(
    "billing/margin/",
    margin,
    name="billing_margin",
    permission="billing.view_cost",
    label="Margin",
    about="What each product took in, cost and kept",
)
SITE.add_page(
    "billing/ledgers/",
    ledgers,
    name="billing_ledgers",
    permission="billing.view_ledgerentry",
    label="Ledgers",
    about="Proof that all coins are accounted for",
)
