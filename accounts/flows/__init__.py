"""What this area can do: the table of contents. Celery finds the tasks through it."""

from accounts.flows import brands, keys, leaving, mail, notes, privacy, signup, starter

__all__ = ["brands", "keys", "leaving", "mail", "notes", "privacy", "signup", "starter"]
