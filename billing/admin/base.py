"""What all tables of money share: how they are shown, and forms whose changes are recorded."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin import display
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.flows import audit
from billing.admin.panels import Panel
from billing.admin.shown import customer_link, state_of
from billing.templatetags.money import money
from common.staff import ActAdmin, ReadOnlyAdmin


class MoneyColumns:
    """Columns that several tables of money have; each for rows that have what it names."""

    @display(description="State", ordering="state")
    def state_shown(self, row: Any) -> SafeString:
        """Return the state in its colour."""
        return state_of(row)

    @display(description="Amount", ordering="amount")
    def amount_shown(self, row: Any) -> str:
        """Return the amount with its currency, also where that stands at the payment."""
        currency = getattr(row, "currency", None) or row.payment.currency
        return money(row.amount, currency)

    @display(description="Account", ordering="account__name")
    def customer(self, row: Any) -> SafeString | str:
        """Link to the customer page."""
        return customer_link(row.account)


class Panels:
    """An admin whose page of a row has panels below the fields."""

    def panels(self, request: HttpRequest, row: Any) -> Sequence[Panel]:
        """Return what else belongs to the row."""
        return ()

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Give the page its panels."""
        row = context.get("original")
        context["panels"] = self.panels(request, row) if row is not None else ()
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]


class MoneyAdmin(MoneyColumns, Panels, ReadOnlyAdmin):
    """A table of money that flows write."""

    class Media:
        css = {"all": ("css/admin/billing.css",)}


class AuditedForm(forms.ModelForm):
    """A form that asks why."""

    reason = forms.CharField(
        max_length=300, label="Why", help_text="For those who look at it later."
    )


class AuditedAdmin(MoneyColumns, Panels, ActAdmin):
    """A table that staff edit; each change is recorded with what it was before, and why."""

    form = AuditedForm

    class Media:
        css = {"all": ("css/admin/billing.css",)}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask why, below everything else, whoever may save."""
        found = super().get_fieldsets(request, obj)
        saves = self.has_change_permission(request, obj) if obj else True
        return [*found, ("Why", {"fields": ("reason",)})] if saves else found

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keep the reason out of the other fields: it has a place of its own."""
        return [name for name in super().get_fields(request, obj) if name != "reason"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write what was changed, and the record of it, in one transaction."""
        own = {field.name for field in self.opts.fields}
        changed = tuple(name for name in form.changed_data if name in own)
        if change and not changed:
            return
        verb = "change" if change else "add"
        with audit.recording(
            [obj],
            f"{self.opts.app_label}.{verb}_{self.opts.model_name}",
            *(changed if change else ()),
            actor=request.user,
            reason=form.cleaned_data["reason"],
        ):
            # Only these columns: a flow may have written the others meanwhile.
            obj.save(update_fields=changed if change else None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was sold, taxed or billed under it stays explained."""
        return False
