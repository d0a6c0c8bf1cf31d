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
    # Once an hour, write the mails that are due about failed renewals, and end plans after grace.
    "remind of failed renewals": {
        "task": "billing.flows.subscriptions.remind",
        "every": 3600,
        "queue": "quick",
        "help": "Mails about a failed renewal after 3 and 7 days; ends the plan after 14.",
    },
    # Once an hour, compare the payment providers' last three days with ours and repair.
    "compare payments": {
        "task": "billing.flows.reconcile.hourly",
        "every": 3600,
        "queue": "bulk",
        "help": "Compares the last three days with the payment providers; settles what was missed.",
    },
    # Once a day, compare the last 35 days.
    "compare payments of a month": {
        "task": "billing.flows.reconcile.nightly",
        "every": 86_400,
        "queue": "bulk",
        "help": "Compares the last 35 days with the payment providers.",
    },
    # Once a day, prove that every wallet is the sum of its ledger.
    "check ledgers": {
        "task": "billing.flows.ledgers.check",
        "every": 86_400,
        "queue": "bulk",
        "help": "Proves that wallets, ledger, grants and payments add up.",
    },
    # Every ten minutes, take coins out whose time is over.
    "expire coins": {
        "task": "billing.flows.credits.expire",
        "every": 600,
        "queue": "bulk",
        "help": "Takes coins out of wallets whose time is over.",
    },
    # Every five minutes, give back coins that were set aside for work that never ended.
    "release old holds": {
        "task": "billing.flows.credits.release_expired",
        "every": 300,
        "queue": "bulk",
        "help": "Gives back coins that were set aside for work that never came to an end.",
    },
    # Once an hour, let go of orders that were begun a day ago and never led to a payment page.
    "expire drafts": {
        "task": "billing.flows.checkout.expire_drafts",
        "every": 3600,
        "queue": "bulk",
        "help": "Lets go of orders that were begun a day ago and never led to a payment page.",
    },
    # Every ten minutes, copy Stripe's data for reading where that did not work at once.
    "mirror Stripe": {
        "task": "billing.flows.mirror.catch_up",
        "every": 600,
        "queue": "bulk",
        "help": "Copies Stripe's own data, to be read in the admin, where it did not work at once.",
    },
    # Once a day, forget the bodies of payment events older than 90 days.
    "empty old payment events": {
        "task": "billing.flows.inbox.empty_old",
        "every": 86_400,
        "queue": "bulk",
        "help": "Forgets what payment events older than 90 days said; names and addresses go.",
    },
}
