"""Staff: API keys."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.flows import audit, keys
from accounts.models import Account, ApiKey, Scope, normal_scopes
from common.staff import Act, ActAdmin


class StateFilter(admin.SimpleListFilter):
    """Live, expired or revoked."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("live", "Live"), ("soon", "Expires within 7 days"), ("dead", "Expired or revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        """Narrow the list."""
        now = timezone.now()
        live = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
        choices = {
            "live": live,
            "soon": live & Q(expires_at__lt=now + timedelta(days=7)),
            "dead": ~live,
        }
        chosen = choices.get(self.value() or "")
        return queryset.filter(chosen) if chosen is not None else queryset


class ApiKeyForm(forms.ModelForm):
    """A key; what it may do is ticked, not typed."""

    scopes = forms.MultipleChoiceField(
        label="May do", choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )
    reason = forms.CharField(
        max_length=300, label="Why", help_text="For those who look at it later."
    )

    class Meta:
        model = ApiKey
        fields = "__all__"  # noqa: DJ007 - the admin's fieldsets choose

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "scopes" in self.fields:
            self.initial["scopes"] = str(self.initial.get("scopes") or Scope.PROMPTS).split()

    def clean_scopes(self) -> str:
        """Return the ticked scopes the way a key stores them."""
        return normal_scopes(" ".join(self.cleaned_data["scopes"]))


class PlainKeyForm(ApiKeyForm):
    """A key as anybody but a superuser may make it."""

    scopes = forms.MultipleChoiceField(
        label="May do",
        choices=[(Scope.PROMPTS.value, Scope.PROMPTS.label)],
        widget=forms.CheckboxSelectMultiple,
    )


def _may_touch(request: HttpRequest, key: ApiKey | None) -> bool:
    return key is None or not key.may_staff or _is_superuser(request)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def _revoke(rows: list[ApiKey], actor: Any, values: dict[str, Any]) -> str:
    """Refuse the keys from now on: one UPDATE, and a record for each."""
    with audit.recording(
        rows, "accounts.revoke_key", "revoked_at", actor=actor, reason=values["reason"]
    ):
        count = keys.revoke_all(ApiKey.objects.filter(pk__in=[row.pk for row in rows]))
    return f"{count} keys are revoked. Programs that use them fail now."


@admin.register(ApiKey)
class ApiKeyAdmin(ActAdmin):
    """Keys that programs call the API with."""

    list_display = (
        "prefix",
        "name",
        "account",
        "email",
        "plan",
        "daily_limit",
        "expires_at",
        "revoked_at",
    )
    list_filter = (StateFilter, "plan")
    list_select_related = ("account",)
    search_fields = ("prefix", "name", "email", "account__name")
    autocomplete_fields = ("account",)
    readonly_fields = ("prefix", "author", "created_at")
    acts = (
        Act(
            "revoke_keys",
            "Revoke…",
            _revoke,
            explain="Programs that use it fail at once. It cannot be undone.",
            fits=lambda key: key.revoked_at is None,
            together=True,
        ),
    )
    form = ApiKeyForm
    fieldsets = (
        (
            None,
            {
                "fields": ("account", "name", "email", "plan", "scopes", "prefix"),
                "description": "The key itself is shown once, right after it is made, and stored "
                "nowhere: only its digest is. A lost key is replaced, not recovered.",
            },
        ),
        ("Use", {"fields": ("daily_limit", "expires_at", "revoked_at")}),
        ("History", {"fields": ("author", "created_at")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for less when a key is made."""
        if obj is None:
            fields = ("account", "name", "email", "plan", "scopes", "daily_limit", "expires_at")
            return ((None, {"fields": (*fields, "reason")}),)
        found = super().get_fieldsets(request, obj)
        changes = self.has_change_permission(request, obj)
        return (*found, ("Why", {"fields": ("reason",)})) if changes else found

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Let only superusers make a key that may do what staff may."""
        kwargs["form"] = ApiKeyForm if _is_superuser(request) else PlainKeyForm
        return super().get_form(request, obj, change=change, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keep staff keys from everybody but superusers; anybody may revoke one in the list."""
        return _may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keep staff keys from being deleted by others than superusers."""
        return _may_touch(request, obj) and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Make a new key through the flow and show its text once; write only what was changed."""
        values = dict(form.cleaned_data)
        reason = values.pop("reason")
        if change:
            changed = tuple(name for name in form.changed_data if name != "reason")
            with audit.recording(
                [obj], "accounts.change_key", *changed, actor=request.user, reason=reason
            ):
                obj.save(update_fields=changed or ["name"])
            return
        account: Account = values.pop("account")
        made, text = keys.issue(account, author=request.user, **values)  # type: ignore[arg-type]
        obj.pk = made.pk
        with audit.recording([obj], "accounts.add_key", actor=request.user, reason=reason):
            obj.refresh_from_db()
        messages.warning(request, f"Copy the key now, it is shown only once: {text}")
