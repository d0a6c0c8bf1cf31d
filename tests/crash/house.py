"""A whole installation under `manage.py up`, whose programs can be killed and stalled."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from config.suites.servers import free_port
from tests.crash.desk import Desk
from tests.crash.rows import Rows
from tests.services.programs import Program, python, runs, wait

# What each program's command line, and no other's, has in it (the broker rewrites its own).
SIGNS = {"web": " gunicorn ", "worker": " worker ", "beat": " beat ", "broker": "unixsocket"}

SLOW_REQUEST = b"\r\n".join(
    (
        b"POST /api/optimize HTTP/1.1",
        b"Host: 127.0.0.1",
        b"X-API-Key: demo123",
        b"Content-Type: application/json",
        b"Content-Length: 99",
        b"",
        b"{",
    )
)
PREPARE = """
import sys, django
django.setup()
from config.runner import prepare
prepare.database(sys.stdout)
"""


class House:
    """An installation with its data in `data`; `more` adds to its environment."""

    def __init__(self, data: Path, smtp_port: int, **more: str) -> None:
        self.data = data
        self.port = free_port()
        self.environment = {
            "ATELIER_ENV": "dev",
            "VAR_DIR": str(data),
            "PORT": str(self.port),
            "SENDGRID_API_KEY": "",  # never a real provider, whatever the machine has set
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(smtp_port),
            "SMTP_TLS": "false",
            "SMTP_USER": "",
            **more,
        }
        self.rows = Rows(more.get("DATABASE_URL") or data / "db.sqlite3")

    def up(self) -> Program:
        """Start everything and wait until it is there."""
        runner = python("manage.py", "up", **self.environment)
        try:
            runner.wait_for("Atelier is up", 60)
        except BaseException:
            runner.__exit__()
            raise
        return runner

    def prepare(self) -> None:
        """Bring the database up to date without starting anything, as `up` does first."""
        with python(
            "-c", PREPARE, DJANGO_SETTINGS_MODULE="config.settings", **self.environment
        ) as program:
            assert program.ended(60) == 0, program.text

    def desk(self) -> Desk:
        return Desk(self.data / "desk.log", **self.environment)

    # --- Programs --------------------------------------------------------------------------------

    def pids(self) -> list[int]:
        try:
            noted = json.loads((self.data / "runner.lock").read_text())
        except ValueError:  # read while it was written
            return self.pids()
        return [int(pid) for pid in noted["programs"]]

    def pid(self, name: str) -> int:
        """The process id of a program; 0 while it is down."""
        for pid in self.pids():
            try:
                line = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
            if SIGNS[name] in line and runs(pid):
                return pid
        return 0

    def children(self, name: str) -> list[int]:
        """The process ids of a program's own children."""
        pid = self.pid(name)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in children.split()]

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send a signal to a program; return its process id."""
        pid = self.pid(name)
        assert pid, f"{name} is not running"
        os.kill(pid, number)
        return pid

    def kill(self, name: str) -> int:
        return self.signal(name, signal.SIGKILL)

    def stall(self, name: str) -> int:
        return self.signal(name, signal.SIGSTOP)

    def wake(self, name: str) -> int:
        return self.signal(name, signal.SIGCONT)

    def wait_for_another(self, name: str, than: int, seconds: float = 15) -> None:
        """Return when another process than `than` does the work of `name`."""
        wait(lambda: self.pid(name) not in (0, than), seconds, lambda: f"{name} stays down")

    # --- Pages -----------------------------------------------------------------------------------

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def status(self, path: str) -> int:
        """The status a page answers with; 0 when nobody answers."""
        try:
            return requests.get(self.url(path), timeout=10).status_code
        except requests.RequestException:
            return 0

    @contextmanager
    def slow_request(self) -> Iterator[None]:
        """A call to the API whose body does not come to its end while the block runs."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as caller:
            caller.sendall(SLOW_REQUEST)
            time.sleep(0.3)  # until a web worker has begun to read it
            yield

    def wait_until_it_answers(self, seconds: float = 20) -> None:
        """Return when page and readiness are well."""
        wait(
            lambda: self.status("/readyz") == 200 and self.status("/") == 200,
            seconds,
            lambda: "the site does not answer",
        )

    def sign_up(self, email: str) -> int:
        """Sign a person up over the form; return the status of the page that follows."""
        with requests.Session() as browser:
            page = self.url("/account/signup/")
            browser.get(page, timeout=10).raise_for_status()
            fields = {
                "email": email,
                "password1": "correct horse battery",
                "csrfmiddlewaretoken": browser.cookies["csrftoken"],
            }
            return browser.post(page, fields, timeout=20).status_code
