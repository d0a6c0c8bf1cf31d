"""One suite: which tests, on which servers; one run of it, counted."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.setup.paths import ROOT

NO_TESTS = 5  # pytest's exit code when nothing was collected
ORDINARY = {0, 1, NO_TESTS}  # everything else: interrupted, crashed, called wrongly


@dataclass(frozen=True)
class Suite:
    """Tests picked by a marker expression."""

    name: str
    title: str
    tests: str  # pytest -m
    postgres: bool = True
    broker: bool = False
    browser: bool = False
    options: tuple[str, ...] = ()


OWN = ("browser", "crash", "stories")  # slow tests with a suite of their own
SUITES = (
    Suite("sqlite", "fast, on SQLite", "not slow", postgres=False, options=("-n", "2")),
    Suite("postgres", "fast, on PostgreSQL", "not slow", options=("-n", "2")),
    Suite("browser", "browser", "browser", broker=True, browser=True),
    Suite("crash", "crash", "crash", broker=True),
    Suite("stories", "stories", "stories", options=("-n", "2")),
    # Slow tests without a kind of their own run here too, so that none is forgotten.
    Suite("services", "services", f"slow and not ({' or '.join(OWN)})", broker=True),
)


@dataclass
class Result:
    """What came of a suite. `problem` says why it could not run, or not as it should."""

    suite: Suite
    passed: int = 0
    failed: int = 0
    seconds: float = 0.0
    problem: str = ""
    skipped: list[str] = field(default_factory=list)  # "test: reason"


def run(suite: Suite, environment: Mapping[str, str], arguments: Sequence[str]) -> Result:
    """Run pytest for a suite; its output goes straight to the terminal."""
    with tempfile.TemporaryDirectory(prefix="atelier-suite-") as folder:
        report = Path(folder) / "junit.xml"
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-m", suite.tests),
            *suite.options,
            f"--junitxml={report}",
            *arguments,
        ]
        started = time.monotonic()
        code = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}).returncode
        result = Result(suite, seconds=time.monotonic() - started)
        count(result, report)
    if code not in ORDINARY or (code == 1 and not result.failed):
        result.problem = f"pytest ended with exit code {code}"
    return result


def count(result: Result, report: Path) -> None:
    """Fill in the numbers from pytest's JUnit report. An error in set-up counts as a failure."""
    if not report.exists():
        result.problem = "pytest wrote no report"
        return
    # Written by pytest a moment ago, not by a stranger.
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            result.failed += 1
        elif skip is None:
            result.passed += 1
        elif skip.get("type") != "pytest.xfail":
            name = f"{case.get('classname')}::{case.get('name')}"
            result.skipped.append(f"{name}: {skip.get('message')}")
