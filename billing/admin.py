"""The staff door: usage."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from billing.models import UsageCounter


@admin.register(UsageCounter)
class UsageCounterAdmin(admin.ModelAdmin):
    """What keys used; written by the quota flow only."""

    list_display = ("api_key", "meter", "period_start", "used")
    list_filter = ("meter",)
    list_select_related = ("api_key",)
    search_fields = ("api_key__prefix", "api_key__name", "api_key__email")
    date_hierarchy = "period_start"
    show_full_result_count = False
    fields = readonly_fields = ("api_key", "meter", "period_start", "used")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Counters are written by the quota flow."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Use that was counted stays counted."""
        return False
