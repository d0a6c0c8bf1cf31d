"""What runs by itself. `manage.py sync_schedule` brings these entries to the database.

An interval is in seconds. Staff may change the time of an entry in the admin; their change stays.
"""

from typing import TypedDict


class Entry(TypedDict):
    """One scheduled task: its dotted path, how often, and on which queue."""

    task: str
    every: int
    queue: str
    help: str


SCHEDULE: dict[str, Entry] = {
    # Every 30 seconds, ring again for jobs that are due and for those whose worker went silent.
    "sweep jobs": {
        "task": "common.jobs.sweep",
        "every": 30,
        "queue": "quick",
        "help": "Rings again for jobs that are due, and takes over those whose worker went silent.",
    },
    # Once an hour, forget sessions that have run out.
    "forget old sessions": {
        "task": "accounts.flows.privacy.forget_old_sessions",
        "every": 3600,
        "queue": "bulk",
        "help": "Deletes sessions that have run out.",
    },
}
