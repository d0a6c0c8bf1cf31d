"""Staff pages: what the admin of every area shares: tables to look at, and acts that ask why."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from common.errors import UserError

MOST = 200  # rows of a list that one act takes


class ReasonForm(forms.Form):
    """Asks why. What an act needs to know besides is a field of a subclass."""

    reason = forms.CharField(
        max_length=300,
        widget=forms.Textarea({"rows": 2}),
        help_text="For those who look at it later. The buyer does not see it.",
    )

    def __init__(self, data: Any = None, *, rows: Sequence[Any] = ()) -> None:
        super().__init__(data, initial=self.suggested(rows[0]) if len(rows) == 1 else {})

    def suggested(self, row: Any) -> dict[str, Any]:
        """Return what stands in the fields at first, for one row."""
        return {}


@dataclass(frozen=True)
class Act:
    """Something staff do: a page asks why, then `run(row, actor, values)` calls a flow.

    `run` returns a sentence for staff. With `together` it takes the list of all rows at once.
    """

    name: str
    label: str
    run: Callable[[Any, Any, dict[str, Any]], str]
    form: Callable[..., forms.Form] = ReasonForm
    explain: str = ""
    permission: str = ""  # "billing.change_payment"; without one, the change of the admin's table
    fits: Callable[[Any], bool] = bool  # whether the page of a row offers it
    many: bool = True  # also for chosen rows of the list
    together: bool = False
    describe: Callable[[Any], str] = str  # what the page calls a row


class AttentionFilter(admin.SimpleListFilter):
    """Rows a person should look at, as the table's `needing_attention` says."""

    title = "needs attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("yes", "Needs attention")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Narrow the list."""
        return self.narrow(queryset) if self.value() == "yes" else queryset

    def narrow(self, queryset: Any) -> Any:
        """Return the rows a person should look at."""
        return queryset.needing_attention()


def back_to(request: HttpRequest, otherwise: str) -> str:
    """Return where a page was come from, if that is one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if wanted and ours else otherwise


def do(request: HttpRequest, act: Act, rows: Sequence[Any], values: dict[str, Any]) -> list[str]:
    """Do an act to all rows; say what was done, return what was refused in words for staff."""
    if act.together:
        chosen: list[Any] = [list(rows)]
    else:
        chosen = list(rows)
    refused = []
    for row in chosen:
        try:
            messages.success(request, act.run(row, request.user, values))
        except UserError as error:
            refused.append(error.message if len(chosen) == 1 else f"{row}: {error.message}")
    return refused


def act_page(
    request: HttpRequest,
    site: admin.AdminSite,
    act: Act,
    rows: Sequence[Any],
    *,
    back: str,
    hidden: Sequence[tuple[str, str]] = (),
) -> HttpResponse:
    """Ask why, and do it (POST); answer with the page again where it was refused."""
    confirmed = request.method == "POST" and "confirmed" in request.POST
    form = act.form(request.POST if confirmed else None, rows=rows)
    if confirmed and form.is_valid():
        refused = do(request, act, rows, form.cleaned_data)
        if not refused or len(rows) > 1:
            for words in refused:
                messages.error(request, words)
            return HttpResponseRedirect(back)
        form.add_error(None, refused[0])
    context = {
        **site.each_context(request),
        "title": act.label.rstrip("…"),
        "act": act,
        "described": [act.describe(row) for row in rows],
        "form": form,
        "back": back,
        "hidden": [*hidden, ("next", back)],
    }
    return TemplateResponse(request, "admin/act.html", context)


class ActAdmin(admin.ModelAdmin):
    """A table with acts: links on the page of a row, actions in the list."""

    acts: ClassVar[tuple[Act, ...]] = ()
    show_full_result_count = False
    list_per_page = 50

    def may_do(self, request: HttpRequest, act: Act) -> bool:
        """Whether this member of staff may do it."""
        own = f"{self.opts.app_label}.change_{self.opts.model_name}"
        user: Any = request.user
        return bool(user.has_perm(act.permission or own))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Add the acts that chosen rows can take."""
        found: dict[str, Any] = super().get_actions(request)
        if "_popup" in request.GET:
            return found
        for act in self.acts:
            if act.many and self.may_do(request, act):
                found[act.name] = (_from_list(act), act.name, act.label)
        return found

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of the acts."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_do"
        view = self.admin_site.admin_view(self.act_view)
        return [path("<path:object_id>/do/<slug:name>/", view, name=name), *super().get_urls()]

    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Show the page of one act for one row, or do it (POST)."""
        act = next((act for act in self.acts if act.name == name), None)
        if act is None:
            raise Http404
        if not (self.may_do(request, act) and self.has_view_permission(request)):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        return act_page(request, self.admin_site, act, [row], back=back_to(request, page))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Tell the page which acts it offers."""
        row = context.get("original")
        context["acts"] = list(self._offered(request, row)) if row is not None else []
        return super().render_change_form(request, context, *args, **kwargs)

    def _offered(self, request: HttpRequest, row: Any) -> Iterator[dict[str, str]]:
        for act in self.acts:
            if self.may_do(request, act) and act.fits(row):
                yield {"label": act.label, "url": act_url(row, act.name)}


def act_url(row: Any, name: str) -> str:
    """Return the address of the page of an act."""
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_do", args=[row.pk, name])


def _from_list(act: Act) -> Callable[..., HttpResponse | None]:
    def chosen(model_admin: ActAdmin, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        rows = list(queryset[: MOST + 1])
        if len(rows) > MOST:
            messages.error(request, f"Choose at most {MOST}.")
            return None
        hidden = [("action", act.name), *(("_selected_action", str(row.pk)) for row in rows)]
        back = back_to(request, request.get_full_path())
        return act_page(request, model_admin.admin_site, act, rows, back=back, hidden=hidden)

    return chosen


class ReadOnlyAdmin(ActAdmin):
    """A table that flows write: staff look, and act through flows."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nothing is typed here."""
        return [name for _, part in self.get_fieldsets(request, obj) for name in part["fields"]]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show what the class names, else every column."""
        return self.fields or [field.name for field in self.opts.fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows come from flows only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What happened is not edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What happened stays."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who may see or change the table."""
        user: Any = request.user
        names = (
            f"{self.opts.app_label}.{verb}_{self.opts.model_name}" for verb in ("view", "change")
        )
        return any(user.has_perm(name) for name in names)
