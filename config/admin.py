"""The staff site: Django's admin with our sections and our login."""

from collections.abc import Iterable
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.apps import apps
from django.contrib.admin import AdminSite, ModelAdmin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

# The sections in the order staff think in, and their names; apps not named here follow by name.
SECTIONS = {
    "prompts": "Prompts",
    "accounts": "People, brands and mail",
    "billing": "Billing",
    "account": "Sign-in addresses",
    "socialaccount": "Google sign-in",
    "auth": "Staff roles",
    "django_celery_beat": "Scheduled tasks",
}
# Registered by the packages they come with, and nothing staff could do anything with: Stripe's
# mirror, tables that settings replace, and two kinds of schedule that config.schedule never uses.
HIDDEN_APPS = {"djstripe", "sites"}
HIDDEN_MODELS = {
    "socialaccount.socialapp",
    "socialaccount.socialtoken",
    "django_celery_beat.clockedschedule",
    "django_celery_beat.solarschedule",
}


def _for_staff(model: type[Model]) -> bool:
    meta = model._meta
    return meta.app_label not in HIDDEN_APPS and meta.label_lower not in HIDDEN_MODELS


class StaffSite(AdminSite):
    """The admin. Its login is the same as everybody's, with the same rate limits."""

    site_header = "Atelier staff"
    site_title = "Atelier staff"
    index_title = "What would you like to look after?"
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # Lists, forms and breadcrumbs read the app's name, so it is set there and not per page.
        for label, title in SECTIONS.items():
            apps.get_app_config(label).verbose_name = title

    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: type[ModelAdmin] | None = None,
        **options: Any,
    ) -> None:
        """Take tables in, except those that only make the start page long."""
        if isinstance(model_or_iterable, type):
            model_or_iterable = [model_or_iterable]
        models = [model for model in model_or_iterable if _for_staff(model)]
        super().register(models, admin_class, **options)

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send a stranger to the ordinary login; refuse a person who is not staff."""
        response: HttpResponse = secure_admin_login(super().login)(request, extra_context)
        return response

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the sections in our order."""
        sections = super().get_app_list(request, app_label)
        places = {label: place for place, label in enumerate(SECTIONS)}
        return sorted(sections, key=lambda section: places.get(section["app_label"], len(places)))
