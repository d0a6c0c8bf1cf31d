"""The stage of the money bench: its servers, and programs that run on it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from cryptography.fernet import Fernet

from bench.http import ROOT, parent_of
from config.suites import servers
from tests.fakes.stripe.server import LIVE_KEY
from tests.fakes.stripe.world import SECRET

Environment = dict[str, str]
Program = tuple[subprocess.Popen[bytes], str]


@contextmanager
def program(environment: Environment, *arguments: str, ready: str) -> Iterator[Program]:
    """Run a Python program; yields it and what it wrote until it said that it is ready."""
    log = Path(environment["VAR_DIR"]) / f"{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        until(lambda: ready in log.read_text(), 60, f"{arguments} is not ready")
        yield running, log.read_text()
    finally:
        running.terminate()
        running.wait(60)


def until(done: Callable[[], bool], seconds: float, problem: str) -> None:
    """Wait for something. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(problem)
        time.sleep(0.1)


def worker(environment: Environment) -> AbstractContextManager[Program]:
    """Run a worker as the Procfile's line does: four processes for all queues."""
    return program(
        environment,
        *("-m", "celery", "-A", "config", "worker", "--pool", "prefork", "--concurrency", "4"),
        *("--queues", "quick,slow,bulk", "--loglevel", "INFO"),
        ready="ready",
    )


def part(environment: Environment, name: str, *arguments: str) -> Any:
    """Run a part of the bench in a process of its own; return what it wrote down."""
    file = Path(environment["VAR_DIR"]) / f"{name}.json"
    log = file.with_suffix(".log")
    with log.open("wb") as output:
        ended = subprocess.run(
            [sys.executable, "-m", f"bench.{name}", str(file), *arguments],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    if ended.returncode:
        raise SystemExit(f"bench.{name}:\n{log.read_text()[-3000:]}")
    return json.loads(file.read_text())


class Stage:
    """The servers of one run."""

    def __init__(self, database: str, broker: str, folder: str) -> None:
        self.port = servers.free_port()
        self.environment = {
            **os.environ,
            "ATELIER_ENV": "production",
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "SECRET_KEY": "b3nch-only-Zq8LmX2cT7pWn5KdHs9BfJ0aGyUe4iRoQxVt6-NkE1",
            "FIELD_KEYS": Fernet.generate_key().decode(),
            "DATABASE_URL": database,
            "REDIS_URL": broker,
            "PUBLIC_BASE_URL": "https://127.0.0.1",
            "VAR_DIR": folder,
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(servers.free_port()),  # nobody listens
            "TRUSTED_PROXY_COUNT": "0",
            "STRIPE_API_KEY": LIVE_KEY,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "PYTHONWARNINGS": "ignore:You're running the worker",
        }
        self.sql = psycopg.connect(database, autocommit=True)
        self.postmaster = parent_of(self.sql.info.backend_pid)

    def ask(self, query: str) -> Any:
        """Return the first value of a query."""
        row = self.sql.execute(query).fetchone()  # type: ignore[arg-type]
        return row[0] if row else None

    def beside(self, stripe: str) -> Environment:
        """Return the environment of programs that find Stripe at this address."""
        return {**self.environment, "BENCH_STRIPE": stripe}
