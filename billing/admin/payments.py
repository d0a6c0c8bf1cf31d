"""Staff: payments, refunds and disputes."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.safestring import SafeString

from billing.admin import panels
from billing.admin.base import MoneyAdmin
from billing.admin.panels import Panel
from billing.admin.shown import at_provider, row_link, test_page
from billing.flows import desk, refunds
from billing.models import Dispute, Payment, PaymentState, Refund, RefundState
from billing.templatetags.money import bought, decimals, money
from common.jobs import JobState
from common.staff import Act, AttentionFilter, ReasonForm


class RefundForm(ReasonForm):
    """How much goes back; at first all that is left."""

    amount = forms.DecimalField(max_digits=14, help_text="At most what was not paid back yet.")
    field_order = ("amount", "reason")

    def __init__(self, data: Any = None, *, rows: Sequence[Payment] = ()) -> None:
        super().__init__(data, rows=rows)
        payment = rows[0]
        self.places = decimals(payment.currency)
        left = money(payment.amount - payment.refunded, payment.currency)
        field = self.fields["amount"]
        assert isinstance(field, forms.DecimalField)
        field.label = f"Amount in {payment.currency}"
        field.help_text = f"At most {left}, which was not paid back yet."

    def suggested(self, row: Payment) -> dict[str, Any]:
        """Begin with all that is left."""
        places = decimals(row.currency)
        return {"amount": f"{(row.amount - row.refunded) / 10**places:.{places}f}"}

    def clean_amount(self) -> int:
        """Return minor units."""
        minor = self.cleaned_data["amount"].scaleb(self.places)
        if minor != int(minor) or minor < 1:
            raise forms.ValidationError("Write an amount as the currency has it, more than zero.")
        return int(minor)


def _described(payment: Payment) -> str:
    order = payment.order
    email = order.buyer.get("email") or "no address"
    amount = money(payment.amount, payment.currency)
    return f"{amount} for {bought(order)}, {order}, paid by {email}"


def _refund(payment: Payment, actor: Any, values: dict[str, Any]) -> str:
    row = refunds.request(payment, values["amount"], actor=actor, reason=values["reason"])
    return f"{money(row.amount, payment.currency)} are on their way back to the buyer."


@admin.register(Payment)
class PaymentAdmin(MoneyAdmin):
    """Money that came in."""

    list_display = (
        *("ref", "order_link", "amount_shown", "refunded_shown", "state_shown", "gateway"),
        "succeeded_at",
    )
    list_filter = ("state", "gateway", "currency", "order__offer__product")
    list_select_related = ("order",)
    search_fields = ("ref", "invoice_ref", "order__uuid__istartswith", "order__account__email")
    date_hierarchy = "created_at"
    fields = (
        *("provider", "order_link", "subscription", "state_shown", "failure", "amount_shown"),
        *("tax_shown", "refunded_shown", "invoice_at_provider", "created_at", "succeeded_at"),
        "test",
    )
    acts = (
        Act(
            "refund",
            "Refund…",
            _refund,
            RefundForm,
            many=False,
            explain="The provider pays it back. What was bought is taken back with it: a key is "
            "revoked, unspent coins leave the wallet, a licence ends. A part takes back a part.",
            describe=_described,
            fits=lambda row: row.state == PaymentState.SUCCEEDED and row.refunded < row.amount,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the names of a row in the same query."""
        parts = ("order", "subscription__offer", "subscription__account")
        return super().get_queryset(request).select_related(*parts)

    @admin.display(description="Order", ordering="order__uuid")
    def order_link(self, row: Payment) -> SafeString | str:
        """Link to the order."""
        return row_link(row.order)

    @admin.display(description="Paid back", ordering="refunded")
    def refunded_shown(self, row: Payment) -> str:
        """Return what went back or is on its way back."""
        return money(row.refunded, row.currency) if row.refunded else "–"

    @admin.display(description="Tax in it")
    def tax_shown(self, row: Payment) -> str:
        """Return the tax inside the amount."""
        return money(row.tax, row.currency)

    @admin.display(description="At the provider")
    def provider(self, row: Payment) -> SafeString | str:
        """Link to the provider's page."""
        return at_provider(row.gateway, "payment", row.ref)

    @admin.display(description="Invoice there")
    def invoice_at_provider(self, row: Payment) -> SafeString | str:
        """Link to the provider's invoice."""
        return at_provider(row.gateway, "invoice", row.invoice_ref)

    @admin.display(description="Test payment")
    def test(self, row: Payment) -> SafeString | str:
        """Link to the page of a test payment."""
        return test_page(row.order)

    def panels(self, request: HttpRequest, row: Payment) -> Sequence[Panel]:
        """Show what went back and what is contested."""
        return [
            panels.refunds(request, row.refunds.all()),
            panels.disputes(row.disputes.all()),
            panels.fulfilments(request, row.fulfilments.all()),
        ]


class StuckRefunds(AttentionFilter):
    """Refunds that failed, or that nobody could ask for."""

    def narrow(self, queryset: Any) -> Any:
        """Return those."""
        lost = Q(request__state__in=(JobState.FAILED, JobState.UNSURE))
        return queryset.filter(Q(state=RefundState.FAILED) | (Q(state="requested") & lost))


def _ask_again(row: Refund, actor: Any, values: dict[str, Any]) -> str:
    desk.ask_again(row, actor=actor, reason=values["reason"])
    return f"{row}: the provider is asked again."


@admin.register(Refund)
class RefundAdmin(MoneyAdmin):
    """Money that goes back."""

    list_display = ("uuid", "order_link", "amount_shown", "state_shown", "author", "created_at")
    list_filter = (StuckRefunds, "state", "gateway")
    list_select_related = ("payment__order", "author")
    search_fields = (
        "ref",
        "uuid__istartswith",
        "payment__ref",
        "payment__order__uuid__istartswith",
    )
    date_hierarchy = "created_at"
    fields = (
        *("amount_shown", "state_shown", "reason", "author", "order_link", "payment", "provider"),
        *("asking", "uuid", "created_at", "settled_at"),
    )
    acts = (
        Act(
            "ask_again",
            "Ask again…",
            _ask_again,
            explain="The provider knows our key, so it pays back once, however often it is asked.",
            fits=lambda row: row.state == RefundState.REQUESTED,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the names of a row in the same query."""
        return super().get_queryset(request).select_related("payment__order", "author", "request")

    @admin.display(description="Order")
    def order_link(self, row: Refund) -> SafeString | str:
        """Link to the order."""
        return row_link(row.payment.order)

    @admin.display(description="At the provider")
    def provider(self, row: Refund) -> SafeString | str:
        """Link to the provider's page."""
        return at_provider(row.gateway, "refund", row.ref)

    @admin.display(description="Asking the provider")
    def asking(self, row: Refund) -> str:
        """Return how the asking goes; a refund made at the provider was never asked for."""
        job = getattr(row, "request", None)
        if job is None:
            return "Made at the provider"
        return f"{job.get_state_display()}, {job.attempts} tries. {job.error}".strip()


@admin.register(Dispute)
class DisputeAdmin(MoneyAdmin):
    """Payments that buyers contest at their bank. Answers are written at the provider."""

    list_display = ("ref", "order_link", "amount_shown", "state_shown", "evidence_due", "reason")
    list_filter = (AttentionFilter, "state", "gateway")
    list_select_related = ("payment__order",)
    search_fields = ("ref", "payment__ref", "payment__order__uuid__istartswith")
    date_hierarchy = "created_at"
    fields = (
        *("provider", "order_link", "payment", "amount_shown", "state_shown", "reason"),
        *("evidence_due", "created_at", "settled_at"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the names of a row in the same query."""
        return super().get_queryset(request).select_related("payment__order")

    @admin.display(description="Order")
    def order_link(self, row: Dispute) -> SafeString | str:
        """Link to the order."""
        return row_link(row.payment.order)

    @admin.display(description="At the provider")
    def provider(self, row: Dispute) -> SafeString | str:
        """Link to the provider's page, where the answer is written."""
        return at_provider(row.gateway, "dispute", row.ref)
