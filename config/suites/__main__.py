"""``python -m config.suites [--only NAME]… [pytest arguments]``: all suites, one closing line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from config.setup import system
from config.setup.paths import SetupError, in_ci, say
from config.suites import servers
from config.suites.suite import SUITES, Result, Suite, run


def main(arguments: Sequence[str]) -> int:
    """Run the suites one after the other. Returns 0 when all is well."""
    parser = argparse.ArgumentParser(prog="python -m config.suites", description=__doc__)
    names = [suite.name for suite in SUITES]
    parser.add_argument("--only", action="append", choices=names, help="this suite; repeatable")
    parser.add_argument("pytest", nargs="*", help="passed on to pytest")
    options = parser.parse_args(arguments)
    wanted = [suite for suite in SUITES if not options.only or suite.name in options.only]
    with ExitStack() as stack:
        places = Places(stack, wanted)
        results = [_one(suite, places, options.pytest) for suite in wanted]
    return _close(results, everything=not options.pytest)


class Places:
    """Where the suites find their servers; each server starts once, for all suites."""

    def __init__(self, stack: ExitStack, wanted: Sequence[Suite]) -> None:
        """Install what is missing where possible, and start what the wanted suites need."""
        needs = []
        self.database = os.environ.get("TEST_DATABASE_URL", "")
        self.broker = os.environ.get("TEST_REDIS_URL", "")
        self.missing: dict[str, str] = {}
        if any(suite.postgres for suite in wanted) and not self.database:
            needs.append(system.POSTGRES)
        if any(suite.browser for suite in wanted):
            needs.append(system.CHROMIUM)
        for need in (missing := system.provide(needs)):
            self.missing[need.name] = need.how()
        system.tell(missing)
        if system.POSTGRES in needs and system.POSTGRES not in missing:
            self.database = self._start(stack, "PostgreSQL")
        if any(suite.broker for suite in wanted) and not self.broker:
            self.broker = self._start(stack, "Valkey")

    def _start(self, stack: ExitStack, name: str) -> str:
        server = servers.postgres() if name == "PostgreSQL" else servers.valkey()
        try:
            return stack.enter_context(server)
        except SetupError as error:
            say(f"Notice: {error}")
            self.missing[name] = "the reason stands above"
            return ""

    def lacks(self, suite: Suite) -> str:
        """What this suite cannot do without and that is not here; empty when all is there."""
        needs = {"PostgreSQL": suite.postgres, "Valkey": suite.broker, "Chromium": suite.browser}
        return ", ".join(name for name, needed in needs.items() if needed and name in self.missing)

    def environment(self, suite: Suite) -> dict[str, str]:
        """The variables that send a suite to its servers, and nowhere else."""
        return {
            "ATELIER_ENV": "test",
            "DATABASE_URL": self.database if suite.postgres else "",
            "REDIS_URL": self.broker if suite.broker else "",
            "CHROMIUM": system.chromium_path() or "",
        }


def _one(suite: Suite, places: Places, arguments: Sequence[str]) -> Result:
    say(f"\n=== {suite.title} " + "=" * (70 - len(suite.title)))
    if lacking := places.lacks(suite):
        say(f"Not run: {lacking} is missing.")
        return Result(suite, problem=f"not run, {lacking} is missing")
    result = run(suite, places.environment(suite), arguments)
    say(f"{suite.title}: {result.seconds:.1f} s")
    return result


def _close(results: Sequence[Result], *, everything: bool) -> int:
    """Print the table and the closing line. Returns the exit code."""
    strict = in_ci()
    say(f"\n{'suite':<22}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for r in results:
        if strict and everything and not (r.passed or r.failed or r.problem):
            r.problem = "has no tests"
        row = f"{r.suite.title:<22}{r.passed:>8}{r.failed:>8}{len(r.skipped):>9}{r.seconds:>9.1f}"
        say(f"{row}  {r.problem}".rstrip())
    skipped = [text for result in results for text in result.skipped]
    if strict and skipped:
        say("\nSkipped, which is a failure with CI=true:\n  " + "\n  ".join(skipped))
    # A suite that broke, or that CI must have, counts even when no single test is to blame.
    broken = [r for r in results if r.problem and (strict or not r.problem.startswith("not run"))]
    passed, failed = sum(r.passed for r in results), sum(r.failed for r in results)
    failed += sum(1 for r in broken if not r.failed) + (len(skipped) if strict else 0)
    say(f"\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
