"""Where things stand in a checkout, and how set-up speaks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
LOCK_FILE = ROOT / "requirements" / "dev.txt"
VENDOR = ROOT / "static" / "vendor"


class SetupError(Exception):
    """A step cannot be done. The text tells the person at the keyboard what to do."""


def var_dir() -> Path:
    """The data folder: VAR_DIR, else var/ in the checkout. Made when it is missing."""
    folder = Path(os.environ.get("VAR_DIR") or ROOT / "var").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def in_ci() -> bool:
    """Whether CI=true: whatever is missing is then a failure instead of a notice."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def say(text: str) -> None:
    """Print one line at once, in order with what child processes print."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
