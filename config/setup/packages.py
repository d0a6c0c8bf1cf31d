"""The virtual environment, with exactly the Python packages that the lock file names."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from config.setup import stamp, system
from config.setup.paths import LOCK_FILE, ROOT, VENV, VENV_PYTHON, SetupError, say

STAMP = VENV / "atelier-packages.stamp"
PLACE = VENV / "atelier-place"  # Scripts in bin/ name their interpreter by absolute path.


def install() -> bool:
    """Make .venv and install the lock file with its hashes. Returns whether anything was done."""
    if _usable_place() and stamp.matches(STAMP, wanted()):
        return False
    say("Set-up: Python packages …")
    if not _usable_place() or not _usable():
        _create()
        stamp.write(PLACE, str(VENV))
    STAMP.unlink(missing_ok=True)
    uv = _uv()
    if uv is None or not _install_with([*uv, "pip", "install", "--python", str(VENV_PYTHON)]):
        _install_with_pip()
    stamp.write(STAMP, wanted())
    return True


def wanted() -> str:
    """The digest of what the environment is made from: the lock and the Python."""
    return stamp.digest(LOCK_FILE, "{}.{}".format(*sys.version_info))


def base_python() -> str:
    """The interpreter outside any virtual environment, so that .venv can be made again by it."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def _usable_place() -> bool:
    """Whether .venv is there and was not moved along with its folder since it was made."""
    moved = PLACE.exists() and not stamp.matches(PLACE, str(VENV))
    return VENV_PYTHON.exists() and not moved


def _usable() -> bool:
    """Whether .venv holds an interpreter that starts and has our version."""
    ours = [*map(str, sys.version_info[:2]), str(VENV)]
    ask = "import sys; print(*sys.version_info[:2], sys.prefix, sep='\\n')"
    try:
        answer = subprocess.run(
            [VENV_PYTHON, "-c", ask], capture_output=True, text=True, timeout=30
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.splitlines() == ours


def _create() -> None:
    """Make an empty .venv: uv needs nothing else, the standard library needs ensurepip."""
    uv = shutil.which("uv")
    if uv and _quiet([uv, "venv", "--clear", "--python", base_python(), str(VENV)]):
        return
    if importlib.util.find_spec("ensurepip") is None:  # Debian splits it off.
        system.provide([system.venv_module()])
    if _quiet([base_python(), "-m", "venv", "--clear", str(VENV)]):
        return
    raise SetupError(
        f"The virtual environment could not be made in {VENV}.\n"
        f"On Debian and Ubuntu: {system.venv_module().how()}\n"
        "Then run the same command again."
    )


def _uv() -> list[str] | None:
    """How to call uv: the one on the path, the one in .venv, else one that pip installs there."""
    found = shutil.which("uv")
    if found:
        return [found]
    inside = [str(VENV_PYTHON), "-m", "uv"]
    if _quiet([*inside, "--version"]):
        return inside
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "uv.txt"
        pinned.write_text(locked("uv"))
        if pinned.read_text() and _quiet([*_pip(), "--require-hashes", "-r", str(pinned)]):
            return inside
    return None


def locked(name: str) -> str:
    """The lock file's lines for one package (version and hashes); empty when it is not there."""
    lines: list[str] = []
    for line in LOCK_FILE.read_text().splitlines():
        if lines and not line.startswith(" "):
            break
        if lines or line.startswith(f"{name}=="):
            lines.append(line)
    return "\n".join(lines)


def _pip() -> list[str]:
    return [str(VENV_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def _install_with(command: list[str]) -> bool:
    return _run([*command, "--quiet", "--require-hashes", "-r", str(LOCK_FILE)])


def _install_with_pip() -> None:
    """The slow way, when uv cannot be had or cannot install."""
    if not _quiet([str(VENV_PYTHON), "-m", "pip", "--version"]):
        _quiet([str(VENV_PYTHON), "-m", "ensurepip"])
    say("Set-up: uv is not available, using pip (slower) …")
    if not _install_with(_pip()):
        raise SetupError(
            "The Python packages could not be installed; the reason stands above.\n"
            "Mostly it is the network: check the connection or the proxy, then run it again."
        )


def _run(command: list[str]) -> bool:
    environment = {**os.environ, "VIRTUAL_ENV": str(VENV)}
    return subprocess.run(command, cwd=ROOT, env=environment).returncode == 0


def _quiet(command: list[str]) -> bool:
    """Run a command whose output matters only when it fails; say nothing either way."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0
    except OSError:
        return False
