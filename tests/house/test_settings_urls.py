"""Addresses and folders given from outside, in every form people write them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.env import redis_database

READ = (
    "from config import settings as s; "
    "print(s.CELERY_BROKER_URL, s.CACHES['default']['LOCATION'], s.VAR_DIR, sep='\\n')"
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("redis://host:6379", "redis://host:6379/1"),
        ("redis://host:6379/", "redis://host:6379/1"),
        ("redis://host:6379/0", "redis://host:6379/1"),
        ("redis://host:6379/15", "redis://host:6379/1"),
        (
            "rediss://:p%2Fw@host/3?ssl_cert_reqs=required",
            "rediss://:p%2Fw@host/1?ssl_cert_reqs=required",
        ),
        ("", ""),
    ],
)
def test_the_address_of_a_redis_may_name_a_database_or_not(given: str, expected: str) -> None:
    assert redis_database(given, 1) == expected


def settings_with(folder: Path, project: Path, **environment: str) -> list[str]:
    """Broker, cache and data folder as a program sees them that is started in `folder`."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("VAR_DIR", "REDIS_URL")}
    done = subprocess.run(
        [sys.executable, "-c", READ],
        cwd=folder,
        env={
            **inherited,
            "ATELIER_ENV": "dev",
            "SECRET_KEY": "x",
            "FIELD_KEYS": "x",
            "PYTHONPATH": str(project),
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_broker_and_cache_each_have_a_database_of_the_given_redis(
    project: Path, tmp_path: Path
) -> None:
    broker, cache, _ = settings_with(
        tmp_path, project, REDIS_URL="redis://host:6379/0", VAR_DIR=str(tmp_path)
    )
    assert (broker, cache) == ("redis://host:6379/0", "redis://host:6379/1")


def test_a_relative_data_folder_is_the_same_wherever_a_program_starts(
    project: Path, tmp_path: Path
) -> None:
    name = os.path.relpath(tmp_path / "data", project)
    for folder in (project, tmp_path):
        broker, cache, data = settings_with(folder, project, VAR_DIR=name)
        assert Path(data).is_absolute()
        assert Path(data).resolve() == tmp_path / "data"
        assert (broker, cache) == (
            f"redis+socket://{data}/valkey.sock",
            f"unix://{data}/valkey.sock?db=1",
        )
