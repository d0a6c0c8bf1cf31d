"""The switchboard as an app: its commands, the Celery app, and the staff site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class HouseConfig(AppConfig):
    """Makes our Celery app the one that every `@shared_task` belongs to, in all threads."""

    name = "config"
    verbose_name = "House"

    def ready(self) -> None:
        """Load the Celery app and the checks of the house once Django knows every model."""
        # Imported here because both need the app registry, as Django's documentation advises.
        from config import celery, checks  # noqa: F401


class StaffSiteConfig(AdminConfig):
    """Django's admin with our site class."""

    default_site = "config.admin.StaffSite"
