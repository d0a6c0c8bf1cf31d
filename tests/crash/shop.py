"""A shop in parts: a fake Stripe, web, workers and a till, each a process of its own.

The house under `manage.py up` starts again what was killed. Here nobody does: a test says which
worker dies of which fault, and which one comes after it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests
from celery import Celery
from stripe import WebhookSignature

from config.suites.servers import free_port
from tests.crash.house import House
from tests.crash.servers import some_broker
from tests.fakes.stripe.books import Books
from tests.fakes.stripe.server import API_KEY
from tests.fakes.stripe.world import SECRET
from tests.services.programs import ISOLATED, ROOT, Program, python, wait

Event = dict[str, Any]
LAST = "last"  # the queue of whoever comes after a worker that died


class Stripe:
    """The fake Stripe, as a process: what happens there, and its webhooks."""

    def __init__(self) -> None:
        self.program = python("-m", "tests.fakes.stripe")
        self.program.wait_for("READY")
        self.base = next(line.split()[1] for line in self.program.lines if "READY" in line)
        self._session = requests.Session()

    def do(self, name: str, **values: object) -> Any:
        """Let something happen, as `World` names it."""
        answer = self._session.post(f"{self.base}/_world/{name}", json=values, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def events(self, after: int = 0) -> list[Event]:
        """Return what happened, without the first `after` events."""
        known = self.do("happened")
        assert not known["troubles"], known["troubles"]
        found: list[Event] = known["events"]
        return found[after:]

    @contextmanager
    def new_events(self) -> Iterator[list[Event]]:
        """A list that holds what happened in the block once it is over."""
        found: list[Event] = []
        before = len(self.events())
        yield found
        found += self.events(before)

    def get(self, path: str) -> Any:
        """Return what Stripe's API answers at a path."""
        answer = self._session.get(
            f"{self.base}/v1/{path}",
            headers={
                "Authorization": f"Bearer {API_KEY}",
                "Stripe-Version": Books.api_version,
            },
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refunds_of(self, uuid: str) -> int:
        """Return how many refunds were made for one request of ours."""
        made = [one for one in self.events() if one["type"] == "refund.created"]
        return sum(one["data"]["object"]["metadata"].get("refund") == uuid for one in made)


def signed(event: Event) -> tuple[str, str]:
    """Return an event's webhook: the body and the header that signs it."""
    body = json.dumps(event)
    return body, WebhookSignature.generate_signature_header(body, SECRET, int(time.time()))


class Till:
    """`tests.crash.till` in a process. A fault there fails the test with what it wrote."""

    def __init__(self, log: Path, **environment: str) -> None:
        self._log = log
        inherited = {k: v for k, v in os.environ.items() if k not in ISOLATED}
        with log.open("wb") as errors:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.till"],
                cwd=ROOT,
                env={**inherited, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def ask(self, *order: object) -> Any:
        """Call a function there with these arguments; return its answer."""
        assert self.popen.stdin
        assert self.popen.stdout
        self.popen.stdin.write(json.dumps(order) + "\n")
        self.popen.stdin.flush()
        for line in self.popen.stdout:
            if line.startswith("answer "):  # logs stand between
                return json.loads(line.removeprefix("answer "))
        raise AssertionError(self._log.read_text()[-4000:])

    def __enter__(self) -> "Till":
        return self

    def __exit__(self, *exc: object) -> None:
        assert self.popen.stdin
        self.popen.stdin.close()
        try:
            self.popen.wait(5)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


class Shop:
    """Everything but the workers, which a test starts."""

    def __init__(self, data: Path, broker: str, database: str = "") -> None:
        self.broker = broker
        self.data = data
        self.port = free_port()
        self._stack = ExitStack()
        self.stripe = Stripe()
        self._stack.enter_context(self.stripe.program)
        self.environment = {
            "ATELIER_ENV": "test",
            "DJANGO_SETTINGS_MODULE": "tests.crash.shop_settings",
            "VAR_DIR": str(data),
            "SENDGRID_API_KEY": "",  # never a real provider, whatever the machine has set
            "SMTP_HOST": "",
            "STRIPE_API_KEY": API_KEY,
            "STRIPE_API_URL": self.stripe.base,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "REDIS_URL": broker,
            "DATABASE_URL": database,
            "MIRROR_IN": "nowhere",  # copies for reading only, which take most of the time
            "PYTHONWARNINGS": "ignore:You're running the worker",
        }
        self._bell = Celery("bell", broker=f"{broker}/0", set_as_current=False)

    def open(self) -> None:
        """Prepare the database and start the till."""
        plain = {k: v for k, v in self.environment.items() if k != "DJANGO_SETTINGS_MODULE"}
        House(self.data, 1, **plain).prepare()
        self.till = self._stack.enter_context(Till(self.data / "till.log", **self.environment))
        self.till.ask("stock")

    def close(self) -> None:
        self._stack.close()

    def web(self, fault: str = "", **more: str) -> Program:
        """Start the web server and wait until it answers."""
        command = (
            *("-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{self.port}"),
            *("--worker-class", "config.server.PatientThreadWorker", "--workers", "2"),
            *("--threads", "8", "--backlog", "512", "--no-control-socket", "--preload"),
        )
        program = python(*command, **{**self.environment, "FAULT": fault, **more})
        wait(lambda: self.answers(program), 30, lambda: program.text)
        return program

    def answers(self, program: Program) -> bool:
        """Whether the web server takes requests."""
        assert program.popen.poll() is None, program.text
        try:
            return requests.get(self.url("healthz"), timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def worker(self, fault: str = "", queue: str = "quick", name: str = "worker") -> Program:
        """Start a worker; with a fault it dies of it. It rings where it listens."""
        command = (
            *("-m", "celery", "--quiet", "-A", "config", "worker", "--pool", "threads"),
            *("--concurrency", "4", "--queues", queue, "--hostname", f"{name}@localhost"),
            *("--without-mingle", "--without-gossip", "--without-heartbeat", "--loglevel", "INFO"),
        )
        return python(*command, **{**self.environment, "FAULT": fault, "RING_IN": queue})

    def idle(self) -> bool:
        """Whether no worker has a task in its hands."""
        active = self._bell.control.inspect(timeout=0.5).active() or {}
        return not any(active.values())

    def forget_rings(self) -> None:
        """Let the broker lose everything it has."""
        with self._bell.connection_for_write() as connection:
            connection.default_channel.client.flushall()

    def sweep(self, queue: str = LAST) -> None:
        """Ring once for everything that is due."""
        self._bell.send_task("common.jobs.sweep", queue=queue)

    def finish(self, *, queue: str = LAST, seconds: float = 60) -> None:
        """Let the worker of a queue and the sweep finish whatever is left."""
        swept = 0.0

        def done() -> bool:
            nonlocal swept
            if not self.till.ask("busy"):
                return True
            if time.monotonic() - swept > 1:
                self.till.ask("let_waits_end")
                self.sweep(queue)
                swept = time.monotonic()
            return False

        wait(done, seconds, lambda: f"still busy: {self.till.ask('busy')}")


def died(program: Program, seconds: float = 30) -> None:
    """Wait until a program was killed by its fault."""
    wait(lambda: program.popen.poll() is not None, seconds, lambda: program.text)
    assert program.popen.returncode == -signal.SIGKILL, program.text


@contextmanager
def shop_on(database: str) -> Iterator[Shop]:
    """An open shop on a PostgreSQL, or without its address on a SQLite file."""
    data = Path(tempfile.mkdtemp(prefix="atelier-shop-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, data)
        shop = Shop(data, stack.enter_context(some_broker()), database)
        stack.callback(shop.close)
        shop.open()
        yield shop
