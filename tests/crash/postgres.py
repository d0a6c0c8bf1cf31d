"""A durable PostgreSQL that a test can let crash and come back."""

import os
import pwd
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from config.runner.process import leashed
from config.suites import servers
from tests.services.programs import runs, wait


class Postgres:
    """A server that writes every commit to disk, as in production."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._again: list[subprocess.Popen[bytes]] = []
        with psycopg.connect(url) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        assert row
        self._data = Path(row[0])

    def crash(self) -> None:
        """Stop as `pg_ctl stop -m immediate` does: nobody may finish, nothing is written."""
        pid = self._pid()
        self._command = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
        os.kill(pid, signal.SIGQUIT)
        wait(lambda: not runs(pid), 20, lambda: "the server goes on")

    def come_back(self) -> None:
        """Start again on the same data; return when recovery is done."""
        owner = pwd.getpwuid(self._data.stat().st_uid).pw_name if not os.geteuid() else ""
        self._again.append(
            subprocess.Popen(
                leashed(tuple(self._command), owner),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        )
        wait(self._answers, 30, lambda: "the server does not come back")

    def stop(self) -> None:
        """End what `come_back` started."""
        for server in self._again:
            server.send_signal(signal.SIGINT)
            server.wait(15)

    def _pid(self) -> int:
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False


@contextmanager
def durable() -> Iterator[Postgres]:
    """A throwaway server that loses nothing when it crashes."""
    with servers.postgres(durable=True) as url:
        server = Postgres(url)
        try:
            yield server
        finally:
            server.stop()
