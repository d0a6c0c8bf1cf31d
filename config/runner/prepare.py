"""Before the programs start: the database brought up to date, in the runner's own process.

Django's start costs a second each time, so nothing here is a command of its own.
"""

from __future__ import annotations

from typing import TextIO

from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor


def database(stdout: TextIO) -> None:
    """Migrate, load the starter data, and bring the schedule to the database.

    Each does nothing when there is nothing to do. Raises what the commands raise.
    """
    if pending := migrations_pending():
        stdout.write(f"Database: {pending} migrations …\n")
        stdout.flush()
        call_command("migrate", interactive=False, verbosity=0, stdout=stdout)
    call_command("seed", stdout=stdout)
    call_command("sync_schedule", stdout=stdout)
    stdout.flush()
    # The programs open their own; one kept here would only hold a lock.
    connections.close_all()


def migrations_pending() -> int:
    """How many migrations are not applied. Much quicker than letting `migrate` find out."""
    executor = MigrationExecutor(connections["default"])
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
