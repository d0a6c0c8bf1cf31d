"""Checks across the house: what settings and schedule name must exist."""

from typing import Any

from celery.app.task import Task
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from config.schedule import SCHEDULE


def _is_task(path: str) -> bool:
    try:
        return isinstance(import_string(path), Task)
    except ImportError:
        return False


@register()
def scheduled_tasks_exist(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every entry of the schedule must name a task."""
    return [
        Error(
            f"config/schedule.py: {name!r} names {entry['task']}, which is no task.",
            hint="Give the dotted path of a @shared_task.",
            id="config.E001",
        )
        for name, entry in SCHEDULE.items()
        if not _is_task(entry["task"])
    ]
