"""Starter data for an empty installation."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.flows import starter
from billing.flows import catalogue
from prompts.flows import vocabulary


class Command(BaseCommand):
    """Makes what is missing: roles, brands, offers, words and, in dev, staff login and demo key."""

    help = "Makes starter data that is missing. Never changes what staff edited."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each thing made."""
        for line in [*vocabulary.load_starter(), *catalogue.load_starter(), *starter.seed()]:
            self.stdout.write(line)
