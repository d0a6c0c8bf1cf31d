"""``python3 -m config.setup``: everything that `make setup` does, and nothing twice."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import time

from config.setup import packages, system
from config.setup.npm import current
from config.setup.paths import ROOT, VENV_PYTHON, SetupError, say, var_dir


def main() -> int:
    """Do the steps in order. Returns the exit code."""
    started = time.monotonic()
    with (var_dir() / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Two commands at once in a fresh checkout take turns.
        try:
            done = [packages.install(), system.install_libraries(), front_end()]
        except SetupError as error:
            say(f"Set-up stopped. {error}")
            return 1
    if any(done):
        say(f"Set-up: done in {time.monotonic() - started:.1f} s")
    return 0


def front_end() -> bool:
    """Unpack the front-end files; in the virtual environment, which knows where they come from."""
    if current.is_current():
        return False
    step = [str(VENV_PYTHON), "-m", "config.setup.npm"]
    if subprocess.run(step, cwd=ROOT).returncode:
        raise SetupError("The front-end files are not there; the reason stands above.")
    return True


if __name__ == "__main__":
    sys.exit(main())
