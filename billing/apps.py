"""Billing as a Django app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Money and usage."""

    name = "billing"
