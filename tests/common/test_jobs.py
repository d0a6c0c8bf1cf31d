"""Jobs: claimed once, kept by renewing, taken over when a worker falls silent."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.models import OutgoingMail
from accounts.models.mail import OutgoingMailQuerySet
from common.http import ServiceError
from common.jobs import JobState, job_models, sweep

pytestmark = pytest.mark.django_db


def job(**fields: Any) -> OutgoingMail:
    return OutgoingMail.objects.create(to_email="a@example.org", subject="s", **fields)


def later(**delta: int) -> Any:
    return time_machine.travel(timezone.now() + timedelta(**delta), tick=False)


def test_a_job_is_claimed_once() -> None:
    pk = job().pk
    first = OutgoingMail.objects.claim(pk)
    assert first is not None
    assert first.state == JobState.RUNNING
    assert first.attempts == 1
    assert OutgoingMail.objects.claim(pk) is None


def test_a_job_that_is_not_due_yet_is_not_claimed() -> None:
    assert (
        OutgoingMail.objects.claim(job(run_after=timezone.now() + timedelta(minutes=1)).pk) is None
    )


def test_a_worker_whose_lease_ran_out_writes_nothing_over_its_successor() -> None:
    pk = job().pk
    stalled = OutgoingMail.objects.claim(pk)
    with later(minutes=3):
        successor = OutgoingMail.objects.claim(pk)
        assert successor is not None
        assert not stalled.renew(progress=90)
        assert not stalled.finish(message_id="from the stalled one")
        assert successor.finish(message_id="from the successor")
    row = OutgoingMail.objects.get(pk=pk)
    assert (row.message_id, row.progress, row.state) == (
        "from the successor",
        100,
        JobState.SUCCEEDED,
    )


def test_renewing_keeps_the_lease() -> None:
    pk = job().pk
    mine = OutgoingMail.objects.claim(pk)
    with later(seconds=90):
        assert mine.renew(progress=40)
    with later(seconds=150):
        assert OutgoingMail.objects.claim(pk) is None
    assert OutgoingMail.objects.get(pk=pk).progress == 40


def test_a_refused_job_fails_at_once() -> None:
    mine = OutgoingMail.objects.claim(job().pk)
    assert mine.finish(ServiceError("refused", "No such mailbox."))
    row = OutgoingMail.objects.get()
    assert (row.state, row.error, row.attempts) == (JobState.FAILED, "No such mailbox.", 1)


def test_a_job_is_tried_again_after_2_10_and_60_minutes_and_then_fails() -> None:
    pk = job().pk
    now = timezone.now()
    for minutes in (2, 10, 60):
        with time_machine.travel(now, tick=False):
            mine = OutgoingMail.objects.claim(pk)
            assert mine.finish(ServiceError("retry", "Busy."))
        row = OutgoingMail.objects.get(pk=pk)
        assert row.state == JobState.QUEUED
        assert round((row.run_after - now).total_seconds()) == minutes * 60
        now = row.run_after
    with time_machine.travel(now, tick=False):
        assert OutgoingMail.objects.claim(pk).finish(ServiceError("retry", "Busy."))
    row = OutgoingMail.objects.get(pk=pk)
    assert (row.state, row.attempts) == (JobState.FAILED, 4)


def test_an_unknown_outcome_waits_for_a_person() -> None:
    mine = OutgoingMail.objects.claim(job().pk)
    assert mine.finish(ServiceError("unknown", "The line broke."))
    assert OutgoingMail.objects.get().state == JobState.UNSURE
    assert OutgoingMail.objects.needing_attention().count() == 1


def test_the_sweep_frees_the_job_of_a_silent_worker() -> None:
    pk = job().pk
    OutgoingMail.objects.claim(pk)
    with later(minutes=3):
        OutgoingMail.objects.release_silent()
        assert OutgoingMail.objects.get(pk=pk).state == JobState.QUEUED


def test_a_worn_out_job_of_a_silent_worker_fails_for_staff_to_see() -> None:
    pk = job(max_attempts=1).pk
    OutgoingMail.objects.claim(pk)
    with later(minutes=3):
        OutgoingMail.objects.release_silent()
    row = OutgoingMail.objects.get(pk=pk)
    assert row.state == JobState.FAILED
    assert "no try is left" in row.error


def test_the_sweep_rings_for_what_is_due_and_for_nothing_else() -> None:
    job(content={"text": "due", "from_email": "x@example.org", "to": ["a@example.org"]} | EMPTY)
    job(run_after=timezone.now() + timedelta(hours=1))
    assert sweep() == 1
    assert OutgoingMail.objects.filter(state=JobState.SUCCEEDED).count() == 1


def test_every_job_model_names_a_task_that_exists() -> None:
    current_app.loader.import_default_modules()
    assert OutgoingMail in job_models()
    for model in job_models():
        assert model.task in current_app.tasks


EMPTY = {"cc": [], "bcc": [], "reply_to": [], "headers": {}, "html": "", "attachments": []}


def test_a_worker_that_stalls_in_the_middle_of_claiming_gets_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pk = job().pk
    write = OutgoingMailQuerySet.update
    successors = []

    def write_and_stall(rows: OutgoingMailQuerySet, **fields: Any) -> int:
        monkeypatch.undo()
        written = write(rows, **fields)
        with later(minutes=3):
            successors.append(OutgoingMail.objects.claim(pk))
        return written

    monkeypatch.setattr(OutgoingMailQuerySet, "update", write_and_stall)
    assert OutgoingMail.objects.claim(pk) is None
    assert successors[0].finish(message_id="from the successor")


@pytest.mark.django_db(transaction=True)
def test_a_ring_that_no_broker_hears_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def unheard(*arguments: object) -> None:
        raise OperationalError("Connection refused.")

    task = current_app.tasks[OutgoingMail.task]
    monkeypatch.setattr(task, "delay", unheard)
    with transaction.atomic():
        job().ring()
    assert OutgoingMail.objects.due().count() == 1
