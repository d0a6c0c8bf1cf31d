"""Prompts as a Django app."""

from django.apps import AppConfig


class PromptsConfig(AppConfig):
    """From a rough idea to prompts that are ready for a platform."""

    name = "prompts"
