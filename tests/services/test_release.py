"""The commands a platform runs before a new version starts, on a database with nothing in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.programs import ISOLATED, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.services]


def test_an_empty_database_is_migrated_seeded_and_checked(tmp_path: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if name not in ISOLATED}
    environment = {**inherited, "ATELIER_ENV": "dev", "VAR_DIR": str(tmp_path)}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    for command in (["migrate", "-v0"], ["seed"], ["check", "--database", "default"]):
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr[-2000:])
