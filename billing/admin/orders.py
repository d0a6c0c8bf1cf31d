"""Staff: orders, subscriptions, deliveries and invoices."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from billing.admin import panels
from billing.admin.base import MoneyAdmin
from billing.admin.panels import Panel
from billing.admin.shown import at_provider, link, moment, pretty, row_link, test_page
from billing.flows import fulfilment
from billing.models import Dispute, Fulfilment, Invoice, Order, Refund, Subscription
from billing.templatetags.money import bought, money
from billing.views import papers
from common.jobs import JobState
from common.staff import Act, AttentionFilter


@admin.register(Order)
class OrderAdmin(MoneyAdmin):
    """Who buys what. Money moves on the payments of an order."""

    list_display = ("number", "customer", "offer", "total_shown", "state_shown", "made")
    list_filter = (AttentionFilter, "state", "offer__product", "gateway")
    list_select_related = ("account", "offer")
    search_fields = (
        *("uuid__istartswith", "account__name", "account__email", "buyer__email"),
        *("checkout_ref", "payments__ref", "subscription__ref"),
    )
    search_help_text = "Start of the number, e-mail, account, or the provider's id"
    date_hierarchy = "created_at"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("number", "state_shown", "note", "customer", "author", "offer"),
                    *("total_shown", "net_shown", "tax_shown", "target", "created_at", "paid_at"),
                )
            },
        ),
        ("Buyer", {"fields": ("buyer_shown", "buyers_page")}),
        (
            "Payment page",
            {"fields": ("gateway", "checkout_ref", "checkout_expires_at", "attempt", "test")},
        ),
        ("As it was quoted", {"fields": ("uuid", "quote_shown"), "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read what the page of an order shows in the same query."""
        return super().get_queryset(request).select_related("account", "offer", "author")

    @admin.display(description="Number", ordering="uuid")
    def number(self, order: Order) -> str:
        """Return the short name people use."""
        return order.number

    @admin.display(description="Made", ordering="created_at")
    def made(self, order: Order) -> str:
        """Return when it was made."""
        return moment(order.created_at)

    @admin.display(description="Total", ordering="total")
    def total_shown(self, order: Order) -> str:
        """Return what is charged."""
        return money(order.total, order.currency)

    @admin.display(description="Without tax")
    def net_shown(self, order: Order) -> str:
        """Return the total without tax."""
        return money(order.net, order.currency)

    @admin.display(description="Tax")
    def tax_shown(self, order: Order) -> str:
        """Return the tax."""
        return money(order.tax, order.currency)

    @admin.display(description="Buyer")
    def buyer_shown(self, order: Order) -> str:
        """Return who buys, as they wrote it."""
        names = ("name", "email", "address", "country")
        return ", ".join(str(order.buyer[name]) for name in names if order.buyer.get(name)) or "–"

    @admin.display(description="Page of the buyer")
    def buyers_page(self, order: Order) -> SafeString:
        """Link to the page as the buyer sees it."""
        address = reverse("billing:order", args=[order.uuid])
        return link(address, address)

    @admin.display(description="Quote")
    def quote_shown(self, order: Order) -> SafeString:
        """Return the lines the buyer saw."""
        return pretty({"name": bought(order), **order.quote})

    @admin.display(description="Test payment")
    def test(self, order: Order) -> SafeString | str:
        """Link to the page of a test payment."""
        return test_page(order)

    def panels(self, request: HttpRequest, row: Order) -> Sequence[Panel]:
        """Show everything that came of the order."""
        return [
            panels.payments(request, row.payments.all()),
            panels.refunds(request, Refund.objects.filter(payment__order=row)),
            panels.disputes(Dispute.objects.filter(payment__order=row)),
            panels.subscriptions(Subscription.objects.filter(order=row)),
            panels.fulfilments(request, row.fulfilments.all()),
            panels.invoices(row.invoices.all()),
            panels.costs_and_margin(row),
        ]


@admin.register(Subscription)
class SubscriptionAdmin(MoneyAdmin):
    """Plans that are paid again and again, as the provider sees them."""

    list_display = ("offer", "customer", "state_shown", "period_end", "cancel_at_period_end")
    list_filter = (AttentionFilter, "state", "family", "duplicate")
    list_select_related = ("account", "offer")
    search_fields = ("ref", "account__name", "account__email", "order__uuid__istartswith")
    date_hierarchy = "created_at"
    fields = (
        *("offer", "customer", "order_link", "state_shown", "price", "family", "provider"),
        *("period_start", "period_end", "trial_end", "cancel_at_period_end", "ended_at"),
        *("overdue_since", "grace_until", "reminders", "duplicate", "created_at"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read what the page shows in the same query."""
        return super().get_queryset(request).select_related("account", "offer", "order", "price")

    @admin.display(description="Order")
    def order_link(self, row: Subscription) -> SafeString | str:
        """Link to the order that began it."""
        return row_link(row.order)

    @admin.display(description="At the provider")
    def provider(self, row: Subscription) -> SafeString | str:
        """Link to the provider's page."""
        return at_provider(row.gateway, "subscription", row.ref)

    def panels(self, request: HttpRequest, row: Subscription) -> Sequence[Panel]:
        """Show what was paid and delivered."""
        return [
            panels.payments(request, row.payments.all()),
            panels.fulfilments(request, row.fulfilments.all()),
        ]


def _retry(row: Fulfilment, actor: Any, values: dict[str, Any]) -> str:
    fulfilment.retry(row, actor=actor, reason=values["reason"])
    return f"{row}: it is tried again."


@admin.register(Fulfilment)
class FulfilmentAdmin(MoneyAdmin):
    """What payments set off, and what refunds, lost disputes and lapses take back."""

    list_display = (
        "verb",
        "handler",
        "order_link",
        "cause",
        "state_shown",
        "attempts",
        "run_after",
    )
    list_filter = (AttentionFilter, "state", "verb", "cause", "handler")
    list_select_related = ("order",)
    search_fields = ("dedupe_key", "order__uuid__istartswith", "order__account__email")
    date_hierarchy = "created_at"
    fields = (
        *("verb", "handler", "cause", "state_shown", "error", "attempts", "run_after"),
        *("created_at", "finished_at", "order_link", "payment", "subscription", "undoes"),
        *("gives", "period_start", "period_end", "part", "whole", "dedupe_key"),
    )
    acts = (
        Act(
            "retry",
            "Try again…",
            _retry,
            explain="The handler runs once more from the beginning. It knows what it did before.",
            fits=lambda row: row.state in (JobState.FAILED, JobState.UNSURE),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the names of a row in the same query."""
        parts = ("order", "payment", "subscription__offer", "subscription__account")
        return super().get_queryset(request).select_related(*parts, "undoes__order")

    @admin.display(description="Order", ordering="order__uuid")
    def order_link(self, row: Fulfilment) -> SafeString | str:
        """Link to the order."""
        return row_link(row.order)

    @admin.display(description="What was bought")
    def gives(self, row: Fulfilment) -> SafeString:
        """Return the entitlement as it was then."""
        return pretty(row.entitlement)


@admin.register(Invoice)
class InvoiceAdmin(MoneyAdmin):
    """Invoices and credit notes: frozen when issued."""

    list_display = ("number", "kind", "order_link", "total_shown", "issued_at", "issued_by", "pdf")
    list_filter = ("kind", "seller", "issued_by")
    list_select_related = ("order",)
    search_fields = ("number", "order__uuid__istartswith", "sold_to__email", "sold_to__name")
    date_hierarchy = "issued_at"
    fields = (
        *("number", "kind", "pdf", "seller", "issued_at", "issued_by", "order_link", "payment"),
        *("refund", "corrects", "total_shown", "frozen"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the names of a row in the same query."""
        parts = ("order", "seller", "payment", "refund__payment", "corrects")
        return super().get_queryset(request).select_related(*parts)

    def get_urls(self) -> list[URLPattern]:
        """Add the PDF, which the public address shows to the buyer only."""
        view = self.admin_site.admin_view(self.pdf_view)
        return [path("<int:pk>/pdf/", view, name="billing_invoice_pdf"), *super().get_urls()]

    def pdf_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer the PDF."""
        row = self.get_object(request, str(pk)) if self.has_view_permission(request) else None
        if row is None:
            raise Http404
        return papers.pdf_of(row)

    @admin.display(description="Order", ordering="order__uuid")
    def order_link(self, row: Invoice) -> SafeString | str:
        """Link to the order."""
        return row_link(row.order)

    @admin.display(description="Total", ordering="total")
    def total_shown(self, row: Invoice) -> str:
        """Return the total."""
        return money(row.total, row.currency)

    @admin.display(description="PDF")
    def pdf(self, row: Invoice) -> SafeString:
        """Link to the paper."""
        return link(reverse("admin:billing_invoice_pdf", args=[row.pk]), "PDF")

    @admin.display(description="As it was issued")
    def frozen(self, row: Invoice) -> SafeString:
        """Return the copies of seller, buyer, lines and tax."""
        names = ("sold_by", "sold_to", "lines", "tax_lines")
        return pretty({name: getattr(row, name) for name in names})
