"""Accounts as a Django app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, brands and mail."""

    name = "accounts"

    def ready(self) -> None:
        """Connect the third-party signals and the checks."""
        # Imported here because both need the app registry, as Django's documentation advises.
        from accounts import checks, webhooks  # noqa: F401
