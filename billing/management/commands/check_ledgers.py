"""Proves that coins, payments and the ledger add up."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing.flows import ledgers
from billing.models import Grant, Hold, LedgerEntry, Wallet


class Command(BaseCommand):
    """Prints every problem and ends with 1 if there is any."""

    help = "Checks that wallets, ledger, grants, holds and payments add up. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Say how many problems are printed."""
        parser.add_argument("--limit", type=int, default=100, help="Problems of a kind to print.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check and print."""
        began = time.monotonic()
        found = ledgers.problems(options["limit"])
        for problem in found:
            self.stdout.write(str(problem))
        if found:
            self.stderr.write(f"{len(found)} problems.")
            sys.exit(1)
        counts = ", ".join(
            f"{model.objects.count()} {model._meta.verbose_name_plural}"
            for model in (Wallet, LedgerEntry, Grant, Hold)
        )
        self.stdout.write(f"All adds up: {counts}, {time.monotonic() - began:.1f} s.")
