"""Staff: Stripe's own data as dj-stripe copied them, to look at. Nothing here calls Stripe.

Only tables without secrets are named: never APIKey, WebhookEndpoint or WebhookEventTrigger.
"""

from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from djstripe import models as mirrored

from billing.admin.base import MoneyAdmin
from billing.admin.shown import at_provider, moment, pretty
from billing.templatetags.money import money

# table → the facts of Stripe's object that a list shows besides its id, time and amount, and what
# the provider's own page is called, where there is one.
TABLES: Final[dict[Any, tuple[tuple[str, ...], str]]] = {
    mirrored.Customer: (("email", "name"), "customer"),
    mirrored.Charge: (("status", "failure_message"), ""),
    mirrored.PaymentIntent: (("status", "customer"), "payment"),
    mirrored.Session: (("status", "payment_status", "mode"), ""),
    mirrored.Subscription: (("status", "customer"), "subscription"),
    mirrored.Invoice: (("status", "number", "billing_reason"), "invoice"),
    mirrored.Refund: (("status", "reason"), "refund"),
    mirrored.Dispute: (("status", "reason"), "dispute"),
    mirrored.Price: (("lookup_key", "active", "type"), ""),
    mirrored.Product: (("name", "active"), ""),
    mirrored.Event: (("type", "api_version"), "event"),
}
AMOUNTS = ("amount", "amount_total", "amount_due", "unit_amount")


class MirrorAdmin(MoneyAdmin):
    """A table of the mirror: a few facts, and everything Stripe said as JSON."""

    facts: tuple[str, ...] = ()
    place = ""
    ordering = ("-created",)
    search_fields = ("id",)
    search_help_text = "Stripe's id, or the start of it"
    list_filter = ("livemode",)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Look for ids as they begin: the index finds them."""
        return ("id__startswith",)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Show the id, the facts of this table, and when it was made."""
        columns = [_fact(name) for name in self.facts]
        return ["id", "amount_there", *columns, "created", "livemode"]

    @admin.display(description="Amount")
    def amount_there(self, row: Any) -> str:
        """Return the amount in its currency, where the object has one."""
        data = row.stripe_data or {}
        amount = next((data[name] for name in AMOUNTS if data.get(name) is not None), None)
        currency = str(data.get("currency") or "").upper()
        return "–" if amount is None or not currency else money(amount, currency)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one object on a page of our own.

        Django's would write the row as dj-stripe does, which fails for data it does not expect.
        """
        if object_id is None or not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        facts = {
            "At Stripe": self.provider(row),
            "Amount": self.amount_there(row),
            **{_words(name): _fact(name)(row) for name in self.facts},
            "Made": moment(row.created),
            "Real money": "yes" if row.livemode else "no",
            "Copied": moment(row.djstripe_updated),
        }
        context = {
            **self.admin_site.each_context(request),
            "title": f"{self.opts.verbose_name} {row.id}".capitalize(),
            "opts": self.opts,
            "facts": facts,
            "everything": pretty(row.stripe_data),
        }
        return TemplateResponse(request, "admin/billing/mirror.html", context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Refuse: nobody changes a copy."""
        raise Http404

    def provider(self, row: Any) -> SafeString | str:
        """Link to Stripe's own page."""
        return at_provider("stripe", self.place, row.id) if self.place else str(row.id)


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _fact(name: str) -> Any:
    @admin.display(description=_words(name))
    def shown(row: Any) -> str:
        value = (row.stripe_data or {}).get(name)
        return "–" if value in (None, "") else str(value)

    return shown


for table, (facts, place) in TABLES.items():
    name = f"{table.__name__}MirrorAdmin"
    admin.site.register(table, type(name, (MirrorAdmin,), {"facts": facts, "place": place}))
