"""Staff: what is for sale, what it costs, tax, and who sells."""

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from billing.admin.base import AuditedAdmin, AuditedForm
from billing.admin.panels import Panel
from billing.admin.shown import badge, link, moment
from billing.flows import catalogue, desk
from billing.models import Offer, Price, Seller, TaxRate
from billing.templatetags.money import every, money, percent, price
from common.staff import Act, ReasonForm

NO_PRICE = "This offer has no price yet."


class PriceForm(ReasonForm):
    """A new version of an offer's price."""

    amount = forms.IntegerField(
        min_value=1, max_value=2_000_000_000, help_text="In minor units: 4999 is 49.99 dollars."
    )
    entitlement = forms.JSONField(
        label="What the buyer gets",
        required=False,  # else an empty object is none
        widget=forms.Textarea({"rows": 8}),
        help_text="As the handler of the offer takes it; empty: as now. What was sold before stays "
        "as it was.",
    )
    field_order = ("amount", "entitlement", "reason")

    def suggested(self, row: Offer) -> dict[str, Any]:
        """Begin with what it costs and gives now."""
        now = row.price
        return {"amount": now.amount, "entitlement": now.entitlement} if now else {}


def _new_price(offer: Offer, actor: Any, values: dict[str, Any]) -> str:
    made = catalogue.new_price(offer, actor=actor, **values)
    return (
        f"{offer} costs {money(made.amount, made.currency)} from now on (version {made.version})."
    )


def _publish(offer: Offer, actor: Any, values: dict[str, Any]) -> str:
    desk.publish(offer, actor=actor, reason=values["reason"])
    return f"{offer} is on sale."


def _unpublish(offer: Offer, actor: Any, values: dict[str, Any]) -> str:
    desk.unpublish(offer, actor=actor, reason=values["reason"])
    return f"{offer} is not on sale any more."


class OfferForm(AuditedForm):
    """An offer; a new one comes with its first price."""

    amount = forms.IntegerField(
        min_value=1, max_value=2_000_000_000, help_text="In minor units: 4999 is 49.99 dollars."
    )
    currency = forms.CharField(max_length=3, initial="USD")
    interval = forms.ChoiceField(choices=Price.Interval.choices, required=False)
    includes_tax = forms.BooleanField(required=False, initial=True)
    entitlement = forms.JSONField(
        label="What the buyer gets",
        required=False,
        widget=forms.Textarea({"rows": 6}),
        initial=dict,
        help_text="As the handler takes it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in PRICE:
                self.fields.pop(name, None)

    def clean_entitlement(self) -> Any:
        """Nothing written is nothing given."""
        return self.cleaned_data["entitlement"] or {}

    def clean_currency(self) -> str:
        """Write the currency as it is stored."""
        return str(self.cleaned_data["currency"]).upper()

    def clean(self) -> dict[str, Any]:
        """Look at the first price as its own table would."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.instance.pk and set(PRICE) <= set(cleaned):
            first = Price(**{name: cleaned[name] for name in PRICE})
            try:
                first.full_clean(exclude=["offer"], validate_constraints=False)
            except forms.ValidationError as error:
                self.add_error(None, error.messages)
        return cleaned


PRICE = ("amount", "currency", "interval", "includes_tax", "entitlement")
ABOUT = (
    *("name", "code", "description", "kind", "product", "family", "handler", "trial_days"),
    *("exclusive", "ships", "tax_code", "position"),
)


@admin.register(Offer)
class OfferAdmin(AuditedAdmin):
    """What can be bought. Prices are never changed, only replaced."""

    form = OfferForm
    list_display = ("name", "code", "product", "kind", "costs", "published", "problems_shown")
    list_filter = ("published", "product", "kind")
    list_select_related = ("price",)
    search_fields = ("name", "code", "handler", "family")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("costs", "published", "problems_shown", "page")}),
        ("Offer", {"fields": ABOUT}),
    )
    readonly_fields = ("costs", "published", "problems_shown", "page")
    acts = (
        Act("new_price", "New price…", _new_price, PriceForm, many=False),
        Act(
            "publish",
            "Publish…",
            _publish,
            fits=lambda offer: not offer.published,
            explain="People can buy it from now on.",
        ),
        Act(
            "unpublish",
            "Take off sale…",
            _unpublish,
            fits=lambda offer: offer.published,
            explain="Nobody can buy it any more; what was bought goes on, renewals too.",
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for the first price when an offer is made."""
        found = super().get_fieldsets(request, obj)
        if obj is None:
            return [("Offer", {"fields": ABOUT}), ("First price", {"fields": PRICE}), found[-1]]
        return found

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keep the code and the kind: programs and the provider know it by them."""
        return (*self.readonly_fields, "code", "kind") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Offer, form: Any, change: bool) -> None:
        """Make a new offer together with its first price."""
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if not change:
                desk.first_price(obj, **{name: form.cleaned_data[name] for name in PRICE})

    @admin.display(description="Price", ordering="price__amount")
    def costs(self, offer: Offer) -> str:
        """Return what it costs now."""
        return price(offer) or "–"

    @admin.display(description="Problems")
    def problems_shown(self, offer: Offer) -> SafeString | str:
        """Say why it cannot be sold as it stands."""
        found = offer.problems()
        if not found:
            return "None"
        tone = "bad" if offer.published else "warn"
        return format_html_join(" ", "{}", ((badge(problem, tone),) for problem in found))

    @admin.display(description="Its page")
    def page(self, offer: Offer) -> SafeString | str:
        """Link to where it is bought."""
        if not offer.published:
            return "It has none until it is published."
        address = reverse("billing:buy-offer", args=[offer.code])
        return link(address, address)

    def panels(self, request: HttpRequest, row: Offer) -> Sequence[Panel]:
        """Show all versions of the price, and what each is called at the providers."""
        versions = row.prices.prefetch_related("at_gateways").order_by("-version")
        table = [
            (
                f"v{each.version}" + (" (live)" if each.pk == row.price_id else ""),
                f"{money(each.amount, each.currency)} {every(each.interval)}",
                "inside" if each.includes_tax else "on top",
                json.dumps(each.entitlement, ensure_ascii=False),
                moment(each.valid_from),
                moment(each.valid_to),
                ", ".join(str(name) for name in each.at_gateways.all()) or "–",
            )
            for each in versions
        ]
        head = ("Version", "Price", "Tax", "Gives", "From", "To", "At the providers")
        return [Panel("Prices", head, table, NO_PRICE)]


@admin.register(TaxRate)
class TaxRateAdmin(AuditedAdmin):
    """The tax of each country. A rate that is over gets a last day; it is not deleted."""

    list_display = ("country", "name", "rate", "shipped", "valid_from", "valid_to")
    list_filter = ("country",)
    search_fields = ("country", "name")

    @admin.display(description="Rate", ordering="basis_points")
    def rate(self, row: TaxRate) -> str:
        """Return the rate in per cent."""
        return percent(row.basis_points)


@admin.register(Seller)
class SellerAdmin(AuditedAdmin):
    """Who stands on invoices. Invoices that were issued keep what was written then."""

    list_display = ("name", "code", "country", "tax_id", "email", "is_default")
    search_fields = ("name", "code", "tax_id")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Keep the code: the numbers of invoices begin with it."""
        return ("code",) if obj else ()
