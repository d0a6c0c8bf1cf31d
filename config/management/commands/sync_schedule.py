"""Brings config/schedule.py to the database that beat reads."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from config.schedule import SCHEDULE, Entry

MARK = "atelier"  # rows we made carry it in their description; rows staff made do not


class Command(BaseCommand):
    """Adds missing entries, switches orphans off, and leaves times that staff changed."""

    help = "Adds missing scheduled tasks, disables orphans, keeps the times staff changed."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each change."""
        with transaction.atomic():
            changed = [self._sync(name, entry) for name, entry in SCHEDULE.items()]
            changed += self._disable_orphans()
            if any(changed):
                PeriodicTasks.update_changed()
        for line in filter(None, changed):
            self.stdout.write(line)

    def _sync(self, name: str, entry: Entry) -> str:
        row = PeriodicTask.objects.filter(name=name).first()
        if row is None:
            interval, _ = IntervalSchedule.objects.get_or_create(
                every=entry["every"], period=IntervalSchedule.SECONDS
            )
            PeriodicTask.objects.create(
                name=name,
                task=entry["task"],
                interval=interval,
                queue=entry["queue"],
                # What waited through a night without a worker need not run a thousand times.
                expire_seconds=entry["every"],
                description=f"{entry['help']} ({MARK})",
            )
            return f"scheduled: {name}"
        if (row.task, row.queue) == (entry["task"], entry["queue"]):
            return ""
        PeriodicTask.objects.filter(pk=row.pk).update(task=entry["task"], queue=entry["queue"])
        return f"rescheduled: {name}"

    def _disable_orphans(self) -> list[str]:
        orphans = PeriodicTask.objects.filter(description__endswith=f"({MARK})", enabled=True)
        orphans = orphans.exclude(name__in=SCHEDULE)
        names = list(orphans.values_list("name", flat=True))
        orphans.update(enabled=False)
        return [f"switched off: {name}" for name in names]
