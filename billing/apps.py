"""Billing as a Django app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Money and usage."""

    name = "billing"

    def ready(self) -> None:
        """Connect the checks."""
        # Imported here because they need the app registry, as Django's documentation advises.
        from billing import checks  # noqa: F401
