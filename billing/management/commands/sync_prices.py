"""Brings our prices to Stripe."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.errors import BillingError
from billing.flows import prices
from common.http import ServiceError


class Command(BaseCommand):
    """Finds or makes the live price of every offer at Stripe; may be run again and again."""

    help = "Finds or makes the live price of every offer at Stripe."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each price that is new there."""
        try:
            lines = prices.sync()
        except (BillingError, ServiceError) as error:
            raise CommandError(str(error)) from error
        for line in lines:
            self.stdout.write(line)
        self.stdout.write(f"{len(lines)} new.")
