"""`manage.py up`: everything a development installation runs, in one terminal."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from config.runner import broker, prepare, screen, table, web
from config.runner.broker import BrokerMissing
from config.runner.lock import AlreadyRunning, RunnerLock
from config.runner.output import Output, wants_colour
from config.runner.process import Process
from config.runner.supervisor import Supervisor

WAIT_FOR_BROKER = 10.0  # seconds
WAIT_FOR_ALL = 60.0


class Command(BaseCommand):
    """Runs until Ctrl-C, then lets running work finish."""

    help = "Start broker, web, worker, beat and (with a token) the Telegram bot for development."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options; the Makefile uses none of them."""
        parser.add_argument(
            "--wait",
            type=int,
            default=60,
            metavar="SECONDS",
            help="how long a stop waits for running work (default 60)",
        )
        parser.add_argument(
            "--reload", action="store_true", help="restart web workers when code changes"
        )

    def handle(self, *args: Any, wait: int, reload: bool, **options: Any) -> None:
        """Start, show the screen, look after everything, stop."""
        if settings.IS_PRODUCTION:
            raise CommandError(
                "`up` is for development. In production run the lines of the Procfile, each under "
                "your process manager. To develop: make run"
            )
        try:
            lock = RunnerLock(settings.VAR_DIR / "runner.lock")
        except AlreadyRunning as other:
            raise CommandError(
                f"Atelier already runs with the data in {settings.VAR_DIR} (process {other})."
            ) from None
        lock.end_remains()
        if problem := web.port_problem(settings.PORT):
            raise CommandError(problem)
        try:
            first, rest = table.broker_process(), table.processes(patience=wait, reload=reload)
        except BrokerMissing as missing:
            raise CommandError(str(missing)) from None
        names = [process.name for process in [*([first] if first else []), *rest]]
        output = Output(sys.stdout.buffer, names, colour=wants_colour(sys.stdout.buffer))
        with Supervisor(
            output, patience=wait, changed=lambda now: lock.note(child.pid for child in now)
        ) as supervisor:
            self.run(supervisor, output, first, rest)

    def run(
        self, supervisor: Supervisor, output: Output, first: Process | None, rest: list[Process]
    ) -> None:
        """The order of a start. Returns when a stop was asked for."""
        started = time.monotonic()
        if first:
            supervisor.start(first)
        if not supervisor.until(lambda: broker.answers(settings.CACHE_URL), WAIT_FOR_BROKER):
            if supervisor.stop_requests:
                return
            raise CommandError("The broker does not answer. Is REDIS_URL right, and does it run?")
        try:
            with supervisor.interruptible():
                prepare.database(sys.stdout)
        except KeyboardInterrupt:
            return
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {error}") from error
        for process in rest:
            supervisor.start(process)
        if not supervisor.until(supervisor.all_ready, WAIT_FOR_ALL) and supervisor.stop_requests:
            return
        silent = [n for n, child in supervisor.children.items() if not child.is_ready()]
        output.block(
            screen.welcome(
                seconds=time.monotonic() - started,
                silent=silent,
                show_password=sys.stdout.isatty(),
            )
        )
        supervisor.serve()
