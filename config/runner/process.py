"""A program the runner looks after: what to run, and one run of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

LEASH = Path(__file__).with_name("leash.py")


@dataclass(frozen=True)
class Process:
    """One program of the table."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)  # added to the runner's own
    folder: Path | None = None
    prepare: Callable[[], object] | None = None  # before each start: make a folder it needs, say
    answers: Callable[[], bool] | None = None  # asked until it says yes; None: no wait
    says_ready: bytes = b""  # or: a piece of its output that means it is ready
    hurry: signal.Signals = signal.SIGQUIT  # asks gunicorn and Celery to drop what they do
    goes_last: bool = False  # stopped after all others have ended
    hides: tuple[bytes, ...] = ()  # lines with one of these in them are not shown


def leashed(command: tuple[str, ...], user: str = "") -> list[str]:
    """The command line that runs `command` as a program that does not outlive this one."""
    as_user = ["--user", user] if user else []
    return [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *as_user, *command]


class Child:
    """One run of a process: its pid, its output, and whether it is ready."""

    def __init__(self, process: Process) -> None:
        """Start it, in a session of its own, so that Ctrl-C in the terminal does not reach it."""
        self.process = process
        self.started = time.monotonic()
        self.heard_ready = False
        self.left_something = False  # whether its session still had a process at the last signal
        self._rest = b""
        if process.prepare:
            process.prepare()
        self._popen = subprocess.Popen(
            leashed(process.command),
            cwd=process.folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **process.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._popen.stdout
        self.output = self._popen.stdout
        os.set_blocking(self.output.fileno(), False)

    @property
    def pid(self) -> int:
        """The leader's process id, which is also the id of its session and group."""
        return self._popen.pid

    def exit_code(self) -> int | None:
        """None while it runs; afterwards its exit code, negative for a signal."""
        return self._popen.poll()

    def lines(self) -> list[bytes] | None:
        """The lines it wrote since the last look, without their ends. None when it closed up."""
        try:
            data = os.read(self.output.fileno(), 65536)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > 65536:  # A line without end is shown in pieces.
            lines, self._rest = [*lines, self._rest], b""
        if self.process.says_ready and not self.heard_ready:
            self.heard_ready = any(self.process.says_ready in line for line in lines)
        return [line.rstrip(b"\r") for line in lines if not self._hidden(line)]

    def _hidden(self, line: bytes) -> bool:
        return not line.strip() or any(part in line for part in self.process.hides)

    def last_words(self) -> list[bytes]:
        """Whatever it wrote after the last line end."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []

    def signal_leader(self, number: signal.Signals) -> None:
        """Signal the leader only: it tells its own children, or lets them finish their work."""
        with suppress(ProcessLookupError):
            self._popen.send_signal(number)

    def signal_group(self, number: signal.Signals) -> None:
        """Signal everything in its session, for what a dead leader left behind."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            self.left_something = False
        else:
            self.left_something = True

    def is_ready(self) -> bool:
        """Whether it says so, or answers; a process that can do neither is ready when started."""
        if self.exit_code() is not None:
            return False
        if self.process.says_ready:
            return self.heard_ready
        return self.process.answers is None or self.process.answers()
