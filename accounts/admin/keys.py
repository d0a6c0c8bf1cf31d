"""Staff: API keys."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.flows import keys
from accounts.models import Account, ApiKey


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


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
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
    actions = ("revoke_keys",)
    show_full_result_count = False
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
        if obj is not None:
            return super().get_fieldsets(request, obj)
        fields = ("account", "name", "email", "plan", "scopes", "daily_limit", "expires_at")
        return ((None, {"fields": fields}),)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Make a new key through the flow and show its text once; write only what was changed."""
        if change:
            obj.save(update_fields=form.changed_data or ["name"])
            return
        values = {name: form.cleaned_data[name] for name in form.cleaned_data}
        account: Account = values.pop("account")
        made, text = keys.issue(account, author=request.user, **values)  # type: ignore[arg-type]
        obj.pk = made.pk
        obj.refresh_from_db()
        messages.warning(request, f"Copy the key now, it is shown only once: {text}")

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Refuse the keys from now on."""
        for key in queryset:
            keys.revoke(key)
        messages.success(request, "The keys are revoked. Programs that use them are refused now.")
