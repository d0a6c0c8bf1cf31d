"""Programs under test: started for real, read line by line, always ended."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Program:
    """A program in a session of its own. What it writes is collected in `lines`."""

    def __init__(self, *command: str | Path, **environment: str) -> None:
        # Nothing of the test run's database or broker leaks in.
        inherited = {k: v for k, v in os.environ.items() if k not in ISOLATED}
        self.lines: list[str] = []
        self.popen = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env={**inherited, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout
        for line in self.popen.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, piece: str, seconds: float = 20, times: int = 1) -> None:
        """Return when `piece` stands in `times` lines. Fails with all output otherwise."""

        def message() -> str:
            return f"{piece!r} did not come, this came:\n{self.text}"

        def came() -> bool:
            if sum(piece in line for line in list(self.lines)) >= times:
                return True
            assert self._reader.is_alive(), message()  # It ended, nothing more will come.
            return False

        wait(came, seconds, message)

    def ended(self, seconds: float = 20) -> int:
        """Wait for the end; return the exit code, with all output read."""
        code = self.popen.wait(seconds)
        self._reader.join(5)
        return code

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def send_to_terminal(self, number: signal.Signals) -> None:
        """What Ctrl-C does: the signal goes to the whole foreground group."""
        os.killpg(self.popen.pid, number)

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *exc: object) -> None:
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(15)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        self._reader.join(5)


ISOLATED = {
    "ATELIER_ENV",
    "CI",
    "DATABASE_URL",
    "DJANGO_SETTINGS_MODULE",
    "PORT",
    "PUBLIC_BASE_URL",
    "REDIS_URL",
    "VAR_DIR",
}


def python(*arguments: str | Path, **environment: str) -> Program:
    return Program(sys.executable, *arguments, **environment)


def wait(
    done: Callable[[], object], seconds: float, message: Callable[[], str] = lambda: "took too long"
) -> None:
    """Ask until `done()` says yes; an assertion fails when the time is over."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, message()
        time.sleep(0.05)


def runs(pid: int) -> bool:
    """Whether a process is there and not only waiting to be buried."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}
