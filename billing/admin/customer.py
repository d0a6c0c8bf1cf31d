"""Staff: one search for a customer, and everything about one on one page."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.flows import notes
from accounts.models import Account
from accounts.models.key import MOST_UNITS
from billing.admin.credits import AdjustForm, adjust
from billing.flows import credits, customers, keyplans
from common.staff import Act, ReasonForm, act_page, back_to

SEES = "billing.view_order"


class NoteForm(forms.Form):
    """A note about a customer."""

    text = forms.CharField(
        label="Note", max_length=2000, widget=forms.Textarea({"rows": 2}), help_text="Staff only."
    )

    def __init__(self, data: Any = None, *, rows: Any = ()) -> None:
        super().__init__(data)


class KeyForm(ReasonForm):
    """A key made by hand."""

    plan = forms.CharField(max_length=40, initial="free", help_text="The name of the plan.")
    daily_limit = forms.IntegerField(label="Units a day", min_value=0, max_value=MOST_UNITS)
    days = forms.IntegerField(label="Lasts, in days", min_value=1, max_value=3660)
    email = forms.EmailField(required=False, help_text="Whom we write to about it.")
    field_order = ("plan", "daily_limit", "days", "email", "reason")

    def suggested(self, row: Account) -> dict[str, Any]:
        """Begin with what most keys have."""
        return {"plan": "basic", "daily_limit": 50, "days": 30, "email": row.email}


def _note(account: Account, actor: Any, values: dict[str, Any]) -> str:
    notes.add(account, values["text"], actor=actor)
    return "Noted."


def _adjust(account: Account, actor: Any, values: dict[str, Any]) -> str:
    return adjust(credits.wallet_of(account), actor, values)


def _issue_key(account: Account, actor: Any, values: dict[str, Any]) -> str:
    _, text = keyplans.issue_by_staff(account, actor=actor, **values)
    return f"Copy the key now, it is shown only once: {text}"


ACTS = {
    act.name: act
    for act in (
        Act("note", "Add a note…", _note, NoteForm, permission="accounts.add_accountnote"),
        Act(
            "adjust",
            "Add or take coins…",
            _adjust,
            AdjustForm,
            permission="billing.change_wallet",
        ),
        Act(
            "issue_key",
            "Issue a key…",
            _issue_key,
            KeyForm,
            permission="accounts.add_apikey",
            explain="The key is shown once, on the page that follows.",
        ),
    )
}


def search(request: HttpRequest) -> HttpResponse:
    """Find accounts; a single one is shown at once."""
    text = request.GET.get("q", "")[:200]
    found = customers.find(text)
    if len(found) == 1:
        return HttpResponseRedirect(reverse("admin:customer", args=[found[0].account.pk]))
    context = {
        **admin.site.each_context(request),
        "title": "Customers",
        "q": text,
        "found": found,
        "most": customers.MOST,
    }
    return TemplateResponse(request, "admin/billing/customers.html", context)


def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Show everything about one account."""
    account = get_object_or_404(Account, pk=pk)
    site: Any = admin.site
    user: Any = request.user
    shown = [section(request, account) for section in site.customer_sections]
    context = {
        **site.each_context(request),
        "title": account.name,
        "account": account,
        "panels": [panel for panel in shown if panel is not None],
        "acts": [
            {"label": act.label, "url": reverse("admin:customer_do", args=[pk, act.name])}
            for act in ACTS.values()
            if act.name != "note" and user.has_perm(act.permission)
        ],
        "note_form": NoteForm() if user.has_perm(ACTS["note"].permission) else None,
        "lists": _lists(account),
    }
    return TemplateResponse(request, "admin/billing/customer.html", context)


def _lists(account: Account) -> list[tuple[str, str]]:
    """Return where the account itself is edited."""
    return [("The account’s form", reverse("admin:accounts_account_change", args=[account.pk]))]


def do(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Do something to an account: a page asks why first."""
    act = ACTS.get(name)
    account = get_object_or_404(Account, pk=pk)
    user: Any = request.user
    if act is None:
        raise Http404
    if not user.has_perm(act.permission):
        raise PermissionDenied
    back = back_to(request, reverse("admin:customer", args=[pk]))
    return act_page(request, admin.site, act, [account], back=back)


SITE: Any = admin.site
SITE.add_page(
    "customers/",
    search,
    name="customers",
    permission=SEES,
    label="Customers",
    about="Find anybody by address, name, order, key or invoice",
)
SITE.add_page("customers/<int:pk>/", show, name="customer", permission=SEES)
SITE.add_page("customers/<int:pk>/do/<slug:name>/", do, name="customer_do", permission=SEES)
