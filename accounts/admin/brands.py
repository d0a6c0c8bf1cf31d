"""Staff: brands and their legal texts."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.models import Brand, BrandHost, LegalText


class BrandHostInline(admin.TabularInline):
    """The hosts of a brand."""

    model = BrandHost
    extra = 0


@admin.register(Brand)
class BrandAdmin(admin.ModelAdmin):
    """The names this installation appears under."""

    list_display = ("name", "code", "product", "tagline", "is_default")
    search_fields = ("name", "code", "hosts__host")
    inlines = (BrandHostInline,)
    fieldsets = (
        (
            None,
            {
                "fields": ("name", "code", "tagline", "product", "is_default"),
                "description": "A page takes the brand of its host name; without one, the brand of "
                "its product; without that, the default brand. A change shows within five seconds.",
            },
        ),
        ("Look", {"fields": ("logo", "accent", "ink")}),
        ("Mail", {"fields": ("sender_name", "sender_email", "postal_address")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Keep the code of an existing brand: addresses and settings name it."""
        return ("code",) if obj else ()


@admin.register(LegalText)
class LegalTextAdmin(admin.ModelAdmin):
    """Versions of terms, privacy and the like. A published version never changes."""

    list_display = ("__str__", "brand", "kind", "version", "published_at")
    list_filter = ("brand", "kind")
    list_select_related = ("brand",)
    search_fields = ("text",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse to change what is published; add a new version instead."""
        published = obj is not None and obj.published_at is not None
        return not published and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse to delete what people agreed to."""
        published = obj is not None and obj.published_at is not None
        return not published and super().has_delete_permission(request, obj)
