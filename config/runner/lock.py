"""One runner for a data folder, and no remains of an earlier one.

The lock is the kernel's (flock), so it is free again however its holder ended. The file holds
the pids of the programs, each with its start time: a pid alone may be somebody else's by now.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

GRACE = 10.0  # seconds between SIGTERM and SIGKILL for what an earlier runner left


class AlreadyRunning(Exception):
    """Another runner holds the lock; the text says which."""


class RunnerLock:
    """Held while the runner runs."""

    def __init__(self, path: Path) -> None:
        """Take the lock. Raises AlreadyRunning."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = self._content().get("runner", "unknown")
            self._file.close()
            raise AlreadyRunning(str(holder)) from None

    def remains(self) -> list[int]:
        """The pids an earlier runner wrote down that still are the same processes."""
        noted = self._content().get("programs", {})
        return [int(pid) for pid, began in noted.items() if began and start_time(int(pid)) == began]

    def end_remains(self) -> list[int]:
        """End what an earlier runner left behind. Returns the pids, mostly none."""
        found = self.remains()
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + GRACE
            for pid in self.remains():
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            while self.remains() and time.monotonic() < deadline:
                time.sleep(0.1)
        return found

    def note(self, pids: Iterable[int]) -> None:
        """Write down which programs run now."""
        content = {"runner": os.getpid(), "programs": {str(pid): start_time(pid) for pid in pids}}
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps(content))
        self._file.flush()

    def _content(self) -> dict[str, dict[str, str]]:
        self._file.seek(0)
        try:
            content = json.loads(self._file.read())
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}


def start_time(pid: int) -> str:
    """When a process began, in the system's own unit; empty when there is no such process."""
    proc = Path("/proc")
    if (proc / "self/stat").exists():
        try:
            # Field 22; the second one, the name, may hold blanks and ends with the last bracket.
            fields = (proc / f"{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] == "Z" else fields[19]
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)
    return asked.stdout.strip()
