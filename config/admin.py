"""The staff site: Django's admin with our sections and our login."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.apps import apps
from django.contrib.admin import AdminSite, ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse

# The sections in the order staff think in, and their names; apps not named here follow by name.
SECTIONS = {
    "prompts": "Prompts",
    "accounts": "People, brands and mail",
    "billing": "Billing",
    "account": "Sign-in addresses",
    "socialaccount": "Google sign-in",
    "auth": "Staff roles",
    "django_celery_beat": "Scheduled tasks",
    "djstripe": "Stripe's own data (a copy)",
}
# Registered by the packages they come with, and nothing staff could do anything with: tables that
# settings replace, and two kinds of schedule that config.schedule never uses.
HIDDEN_APPS = {"sites"}
HIDDEN_MODELS = {
    "socialaccount.socialapp",
    "socialaccount.socialtoken",
    "django_celery_beat.clockedschedule",
    "django_celery_beat.solarschedule",
}
# dj-stripe's own pages show secrets in clear and call Stripe; billing registers what may be read.
HIDDEN_ADMINS = "djstripe."


def _for_staff(model: type[Model], admin_class: type[ModelAdmin] | None) -> bool:
    meta = model._meta
    if admin_class is not None and admin_class.__module__.startswith(HIDDEN_ADMINS):
        return False
    return meta.app_label not in HIDDEN_APPS and meta.label_lower not in HIDDEN_MODELS


@dataclass(frozen=True)
class Page:
    """A page of the staff site that is no table, with a link on the start page."""

    name: str
    label: str
    about: str
    permission: str


class StaffSite(AdminSite):
    """The admin. Its login is the same as everybody's, with the same rate limits."""

    site_header = "Atelier staff"
    site_title = "Atelier staff"
    index_title = "What would you like to look after?"
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.pages: list[Page] = []
        self.page_urls: list[URLPattern | URLResolver] = []
        self.customer_sections: list[Callable[..., Any]] = []
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
        models = [model for model in model_or_iterable if _for_staff(model, admin_class)]
        super().register(models, admin_class, **options)

    def add_page(
        self,
        route: str,
        view: Callable[..., HttpResponse],
        *,
        name: str,
        permission: str,
        label: str = "",
        about: str = "",
    ) -> None:
        """Take in a page of an area. With a `label` the start page links to it."""

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            user: Any = request.user
            if not user.has_perm(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        self.page_urls.append(path(route, self.admin_view(guarded), name=name))
        if label:
            self.pages.append(Page(name, label, about, permission))

    def add_customer_section(self, section: Callable[..., Any]) -> None:
        """Take in a part of the customer page: `section(request, account)` returns a panel."""
        self.customer_sections.append(section)

    def get_urls(self) -> list[Any]:
        """Put the pages of the areas before the tables."""
        return [*self.page_urls, *super().get_urls()]

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show the start page with links to the pages that are no tables."""
        user: Any = request.user
        pages = [
            {"label": page.label, "about": page.about, "url": reverse(f"admin:{page.name}")}
            for page in sorted(self.pages, key=lambda page: page.label)
            if user.has_perm(page.permission)
        ]
        return super().index(request, {"staff_pages": pages, **(extra_context or {})})

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
