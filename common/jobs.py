"""Work that must happen: a database row that a worker claims, renews and finishes.

A product's own row inherits `Job`. Celery only rings; the row is the queue. A silent worker
loses its lease, `sweep` rings for the row again, and whatever the silent worker writes later is
refused because its token is no longer the row's.
"""

import uuid
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Self, cast

import structlog
from celery import current_app, shared_task
from django.apps import apps
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from common.http import ServiceError

log = structlog.get_logger(__name__)


class JobState(models.TextChoices):
    """Where a job stands."""

    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    UNSURE = "unsure", "Unsure"  # it may have happened; a person decides


class JobQuerySet(models.QuerySet):
    """Which jobs."""

    def due(self) -> Self:
        """Jobs that wait for nothing but a worker."""
        return self.filter(state=JobState.QUEUED, run_after__lte=timezone.now())

    def silent(self) -> Self:
        """Running jobs whose worker did not renew its lease in time."""
        return self.filter(state=JobState.RUNNING, lease_until__lt=timezone.now())

    def free(self) -> Self:
        """Jobs a worker may take: those that are due, and those of silent workers."""
        now = timezone.now()
        return self.filter(
            Q(state=JobState.QUEUED, run_after__lte=now)
            | Q(state=JobState.RUNNING, lease_until__lt=now)
        )

    def needing_attention(self) -> Self:
        """Jobs a person should look at."""
        return self.filter(state__in=(JobState.FAILED, JobState.UNSURE))

    def claim(self, pk: Any) -> Any:
        """Take the job `pk` for this worker, or return None when it is not to be had."""
        token = uuid.uuid4()
        self.free().filter(pk=pk, attempts__lt=F("max_attempts")).update(
            state=JobState.RUNNING,
            lease_token=token,
            lease_until=timezone.now() + cast("type[Job]", self.model).lease,
            attempts=F("attempts") + 1,
        )
        # By the token: after a long stall right here the row may be somebody else's already.
        return self.filter(pk=pk, lease_token=token).first()

    def release_silent(self) -> int:
        """Take the lease from silent workers; worn-out jobs fail. Return how many rows changed."""
        worn = self.silent().filter(attempts__gte=F("max_attempts"))
        failed = worn.update(
            state=JobState.FAILED,
            lease_token=None,
            error="The worker stopped in the middle, and no try is left.",
            finished_at=timezone.now(),
        )
        freed = self.silent().update(
            state=JobState.QUEUED, lease_token=None, run_after=timezone.now()
        )
        return failed + freed


class Job(models.Model):
    """A unit of work. Subclasses name the `task` that does it and the delays between tries."""

    task: ClassVar[str]
    lease: ClassVar[timedelta] = timedelta(minutes=5)
    retry_delays: ClassVar[tuple[timedelta, ...]] = (
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(minutes=30),
    )

    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    run_after = models.DateTimeField(
        default=timezone.now, help_text="Not before this time. Put it into the past to try at once."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=4)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    dedupe_key = models.CharField(  # noqa: DJ001 - NULL is what lets several rows have no key
        max_length=200,
        unique=True,
        null=True,
        blank=True,
        editable=False,
        help_text="The same key is never queued twice.",
    )
    progress = models.PositiveSmallIntegerField(default=0, help_text="Per cent.")
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = JobQuerySet.as_manager()

    class Meta:
        abstract = True
        indexes = [
            models.Index(fields=["state", "run_after"], name="%(app_label)s_%(class)s_due"),
        ]

    def renew(self, **fields: Any) -> bool:
        """Keep the lease and write `fields` (progress, say). False: another worker took over."""
        return self._write(lease_until=timezone.now() + type(self).lease, **fields)

    def finish(self, error: ServiceError | None = None, **fields: Any) -> bool:
        """Record the outcome with `fields`. False: another worker took over, nothing was written.

        Without an error the job succeeded. `refused` fails it, `retry` waits for the next try while
        one is left, `unknown` leaves it unsure, for a person or a later question to the service.
        """
        now = timezone.now()
        if error is None:
            return self._write(
                state=JobState.SUCCEEDED, progress=100, error="", finished_at=now, **fields
            )
        fields["error"] = str(error)
        if error.kind == "unknown":
            return self._write(state=JobState.UNSURE, finished_at=now, **fields)
        delay = self._next_delay()
        if error.kind == "retry" and delay is not None:
            return self._write(state=JobState.QUEUED, run_after=now + delay, **fields)
        return self._write(state=JobState.FAILED, finished_at=now, **fields)

    def _next_delay(self) -> timedelta | None:
        if self.attempts >= self.max_attempts:
            return None
        delays = type(self).retry_delays
        return delays[min(self.attempts, len(delays)) - 1]

    def _write(self, **fields: Any) -> bool:
        """UPDATE where the lease is still mine; the instance follows only if it was."""
        if "state" in fields:
            fields["lease_token"] = None
            fields["lease_until"] = None
        rows = type(self)._default_manager.filter(
            pk=self.pk, state=JobState.RUNNING, lease_token=self.lease_token
        )
        if not rows.update(**fields):
            log.warning("job_lease_lost", job=self._meta.label, pk=self.pk)
            return False
        for name, value in fields.items():
            setattr(self, name, value)
        return True

    def ring(self) -> None:
        """Ask a worker, after the commit, to do this job.

        Never fails: the row is stored, so where the broker is down the sweep rings later.
        """
        transaction.on_commit(partial(_ring, type(self), self.pk))


def _ring(model: type[Job], pk: Any) -> bool:
    """Ring for one job; False where the broker is down, which the next sweep makes good."""
    try:
        current_app.tasks[model.task].delay(pk)
    except OperationalError as error:
        log.warning("job_not_rung", job=model._meta.label, pk=pk, error=str(error))
        return False
    return True


def job_models() -> list[type[Job]]:
    """Return every concrete model that is a job."""
    return [model for model in apps.get_models() if issubclass(model, Job)]


@shared_task
def sweep(most: int = 500) -> int:
    """Free the jobs of silent workers and ring for all that are due. Return how many were rung."""
    rung = 0
    for model in job_models():
        model._default_manager.release_silent()
        due = model._default_manager.due().order_by("run_after")
        rung += sum(_ring(model, pk) for pk in due.values_list("pk", flat=True)[:most])
    return rung
