"""What this area can do: the table of contents. Celery finds the tasks through it."""

from billing.flows import quotas

__all__ = ["quotas"]
