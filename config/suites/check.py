"""``python -m config.suites.check``: everything that is read rather than run. `make check`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from config.setup.paths import ROOT, say

# Strong enough for the production settings, used nowhere else.
PRODUCTION = {
    "ATELIER_ENV": "production",
    "SECRET_KEY": "check-only-Vq3mZ8rT1xLw6HnB0yKdPf5sJgCeUa9iRoXt2QvN4zMb",
    "FIELD_KEYS": "Zk9XcVQ0bTJ3UnNIZ1lKcGVMNmFEZjhpT3VCdEd4MXE=",
    "DATABASE_URL": "postgres://check:check@127.0.0.1:1/check",
    "REDIS_URL": "redis://127.0.0.1:1",
    "PUBLIC_BASE_URL": "https://check.example.org",
    "TRUSTED_PROXY_COUNT": "1",
    "SMTP_HOST": "mail.example.org",
}
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as run; run()"  # it has no -m


@dataclass(frozen=True)
class Check:
    """One program that must end with exit code 0."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


CHECKS = (
    Check("format (ruff)", ("-m", "ruff", "format", "--check", ".")),
    Check("lint (ruff)", ("-m", "ruff", "check", ".")),
    Check("types (mypy)", ("-m", "mypy", ".")),
    Check("floors (import-linter)", ("-c", LINT_IMPORTS)),
    Check("template format (djlint)", ("-m", "djlint", "--check", "templates")),
    Check("templates (djlint)", ("-m", "djlint", "--lint", "templates")),
    Check("migrations", ("manage.py", "makemigrations", "--check", "--dry-run")),
    Check("settings", ("manage.py", "check", "--fail-level", "WARNING")),
    Check(
        "production settings",
        ("manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        PRODUCTION,
    ),
)


def main() -> int:
    """Run all of them, also after one failed, and show the output of those that did."""
    failed = []
    for check in CHECKS:
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, *check.command],
            cwd=ROOT,
            env={**os.environ, **check.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        good = done.returncode == 0
        say(f"{'ok    ' if good else 'FAILED'}  {check.name}  ({time.monotonic() - started:.1f} s)")
        if not good:
            failed.append(check.name)
            say(done.stdout.strip() + "\n")
    say(f"{len(CHECKS) - len(failed)} checks passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
