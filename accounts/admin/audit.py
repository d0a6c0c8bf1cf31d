"""Staff: what staff did, and notes about customers. Both only to look at."""

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import AccountNote, AuditEntry
from common.staff import ReadOnlyAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who did what to what, from what to what, and why."""

    list_display = ("at", "actor", "action", "label", "reason")
    list_filter = ("action",)
    list_select_related = ("actor",)
    search_fields = ("label", "reason", "actor__email", "object_id")
    date_hierarchy = "at"
    fields = ("at", "actor", "action", "model", "object_id", "label", "reason", "was", "became")

    class Media:
        css = {"all": ("css/admin/billing.css",)}

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the actor in the same query."""
        return super().get_queryset(request).select_related("actor")

    @admin.display(description="Before")
    def was(self, entry: AuditEntry) -> SafeString:
        """Return what was there before."""
        return _pretty(entry.before)

    @admin.display(description="After")
    def became(self, entry: AuditEntry) -> SafeString:
        """Return what is there since."""
        return _pretty(entry.after)


def _pretty(data: Any) -> SafeString:
    text = json.dumps(data, indent=2, ensure_ascii=False)
    return format_html('<pre class="json" tabindex="0">{}</pre>', text)


@admin.register(AccountNote)
class AccountNoteAdmin(ReadOnlyAdmin):
    """What staff noted about customers; written on the customer page."""

    list_display = ("account", "text", "author", "at")
    list_select_related = ("account", "author")
    search_fields = ("text", "account__name", "account__email")
    date_hierarchy = "at"
    fields = ("account", "text", "author", "at")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the names in the same query."""
        return super().get_queryset(request).select_related("account", "author")
