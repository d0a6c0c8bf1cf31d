"""The staff site: Django's admin with our sections and our login."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse

# Sections in the order staff think in; apps that are not named follow by name.
ORDER = ["prompts", "accounts", "billing", "django_celery_beat", "auth"]


class StaffSite(AdminSite):
    """The admin. Its login is the same as everybody's, with the same rate limits."""

    site_header = "Atelier staff"
    site_title = "Atelier staff"
    index_title = "What would you like to look after?"
    enable_nav_sidebar = True

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send a stranger to the ordinary login; refuse a person who is not staff."""
        response: HttpResponse = secure_admin_login(super().login)(request, extra_context)
        return response

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the sections in our order."""
        apps = super().get_app_list(request, app_label)
        places = {label: place for place, label in enumerate(ORDER)}
        return sorted(apps, key=lambda app: places.get(app["app_label"], len(ORDER)))
