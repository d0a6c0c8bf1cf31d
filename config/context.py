"""What every page knows: its brand, its colours, where it runs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.flows.brands import brand_for

THEMES = ("dark", "light")


def chosen_theme(request: HttpRequest) -> str:
    """Return the colours a visitor chose, `auto` for those of the device."""
    theme = request.COOKIES.get("theme", "auto")
    return theme if theme in THEMES else "auto"


def house(request: HttpRequest) -> dict[str, Any]:
    """Return the values that base.html needs."""
    product = getattr(request.resolver_match, "app_name", "") if request.resolver_match else ""
    return {
        "brand": brand_for(request.get_host(), product),
        "theme": chosen_theme(request),
        "env": settings.ENV,
        "outbox_page": settings.OUTBOX_PAGE,
        "google_sign_in": bool(settings.GOOGLE_CLIENT_ID),
        "base_url": settings.PUBLIC_BASE_URL,
    }
