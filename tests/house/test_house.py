"""The house keeps its own rules."""

import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.utils.module_loading import import_string

from config.management.commands.settings_doc import table
from config.schedule import SCHEDULE

FLOORS = {
    "config": 5,
    "calendars": 4,
    "campaigns": 4,
    "coupons": 4,
    "prompts": 3,
    "writing": 3,
    "billing": 2,
    "accounts": 1,
    "common": 0,
}


def test_imports_respect_the_floors(project: Path) -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_no_foreign_key_points_sideways_or_upwards() -> None:
    wrong = [
        f"{model._meta.label}.{field.name} → {field.related_model._meta.label}"
        for model in apps.get_models()
        if (own := model._meta.app_label) in FLOORS
        for field in model._meta.get_fields()
        if field.concrete and field.is_relation and field.related_model
        if (other := field.related_model._meta.app_label) in FLOORS and other != own
        if FLOORS[other] >= FLOORS[own]
    ]
    assert wrong == []


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())


def test_migrations_are_named_by_content(project: Path) -> None:
    names = [
        path.stem
        for app in FLOORS
        for path in (project / app / "migrations").glob("0*.py")
        if (project / app / "migrations").exists()
    ]
    assert names
    assert [n for n in names if "auto" in n or n.endswith("initial")] == []


def test_every_scheduled_task_exists() -> None:
    for entry in SCHEDULE.values():
        assert callable(import_string(entry["task"]).delay)
        assert entry["queue"] in {"quick", "slow", "bulk"}


def test_the_settings_page_is_up_to_date(project: Path) -> None:
    # Defaults that depend on the environment are shown in words, so it is the same everywhere.
    written = (project / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == table(), "run `manage.py settings_doc`"


def test_every_module_says_what_it_is(project: Path) -> None:
    silent = []
    for app in FLOORS:
        for path in (project / app).rglob("*.py"):
            if "migrations" in str(path) or not path.read_text(encoding="utf-8").strip():
                continue
            if not path.read_text(encoding="utf-8").startswith(('"""', "#!")):
                silent.append(str(path.relative_to(project)))
    assert silent == []


def test_there_is_no_drawer_for_things_without_a_name(project: Path) -> None:
    forbidden = {"utils.py", "helpers.py", "services.py", "selectors.py", "managers.py", "tasks.py"}
    found = [p for app in FLOORS for p in (project / app).rglob("*.py") if p.name in forbidden]
    assert found == []


@pytest.mark.django_db
def test_the_schedule_reaches_the_database_and_keeps_what_staff_changed() -> None:
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    call_command("sync_schedule", stdout=StringIO())
    row = PeriodicTask.objects.get(name="sweep jobs")
    slower, _ = IntervalSchedule.objects.get_or_create(every=90, period="seconds")
    row.interval = slower
    row.save()
    PeriodicTask.objects.create(
        name="gone", task="a.b", interval=slower, description="Old. (atelier)"
    )
    PeriodicTask.objects.create(name="by staff", task="a.b", interval=slower, description="Ours.")
    out = StringIO()
    call_command("sync_schedule", stdout=out)
    row.refresh_from_db()
    assert row.interval.every == 90
    states: dict[str, Any] = dict(PeriodicTask.objects.values_list("name", "enabled"))
    assert states["gone"] is False
    assert states["by staff"] is True
    assert out.getvalue().split() == ["switched", "off:", "gone"]


@pytest.mark.django_db
def test_starter_data_is_made_once_and_never_overwrites_staff() -> None:
    from accounts.models import Brand

    call_command("seed", stdout=StringIO())
    Brand.objects.filter(code="chaos-venice").update(tagline="Ours now")
    out = StringIO()
    call_command("seed", stdout=out)
    assert out.getvalue() == ""
    assert Brand.objects.get(code="chaos-venice").tagline == "Ours now"
