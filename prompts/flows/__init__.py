"""What this area can do: the table of contents. Celery finds the tasks through it."""

from prompts.flows import optimize, vocabulary

__all__ = ["optimize", "vocabulary"]
