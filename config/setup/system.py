"""System libraries and programs that do not come as Python packages.

Package names: Debian and Ubuntu, Fedora, Arch, Alpine and Homebrew, as in WeasyPrint's and
PostgreSQL's own installation guides.
"""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.setup import stamp
from config.setup.paths import VENV, say

STAMP = VENV / "atelier-system.stamp"


@dataclass(frozen=True)
class Need:
    """Something the system must have: a way to look for it, and its package names."""

    name: str
    why: str
    present: Callable[[], bool]
    packages: dict[str, str]  # package manager -> packages, separated by spaces

    def how(self) -> str:
        """The command that installs it on this system, or the packages' names."""
        for manager, verb in INSTALL.items():
            if manager in self.packages and shutil.which(manager):
                sudo = "" if manager == "brew" or os.geteuid() == 0 else "sudo "
                return f"{sudo}{manager} {verb} {self.packages[manager]}"
        return f"install {self.packages.get('apt-get', self.name)}"


INSTALL = {
    "apt-get": "install -y --no-install-recommends",
    "dnf": "install -y",
    "pacman": "-S --noconfirm",
    "apk": "add",
    "brew": "install",
}


def library(name: str) -> Callable[[], bool]:
    """A look for a shared library, by the name the linker knows it under."""
    return lambda: ctypes.util.find_library(name) is not None


PDF_LIBRARIES = [
    Need(
        name=name,
        why="PDF files (WeasyPrint)",
        present=library(name),
        packages={
            "apt-get": package,
            "dnf": other,
            "pacman": other,
            "apk": other,
            "brew": other,
        },
    )
    for name, package, other in [
        ("pango-1.0", "libpango-1.0-0", "pango"),
        ("pangoft2-1.0", "libpangoft2-1.0-0", "pango"),
        ("harfbuzz-subset", "libharfbuzz-subset0", "harfbuzz"),
    ]
]


def chromium_path() -> str | None:
    """A Chromium or Chrome on this machine: CHROMIUM, else the usual names on the path."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for path in map(shutil.which, names) if path), None)


def postgres_bin() -> Path | None:
    """The folder with initdb and postgres: POSTGRES_BIN, the path, else Debian's newest one."""
    named = os.environ.get("POSTGRES_BIN")
    on_path = shutil.which("initdb")
    folders = [Path(named)] if named else []
    folders += [Path(on_path).resolve().parent] if on_path else []
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(debian, key=lambda folder: float(folder.parent.name), reverse=True)
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


CHROMIUM = Need(
    name="Chromium",
    why="browser tests",
    present=lambda: chromium_path() is not None,
    packages={
        "apt-get": "chromium",
        "dnf": "chromium",
        "pacman": "chromium",
        "apk": "chromium",
        "brew": "--cask chromium",
    },
)
POSTGRES = Need(
    name="PostgreSQL",
    why="tests on a real PostgreSQL",
    present=lambda: postgres_bin() is not None,
    packages={
        "apt-get": "postgresql",
        "dnf": "postgresql-server",
        "pacman": "postgresql",
        "apk": "postgresql",
        "brew": "postgresql@17",
    },
)


def venv_module() -> Need:
    """The standard library's venv, which Debian packs on its own for every Python."""
    package = "python{}.{}-venv".format(*sys.version_info)
    return Need("venv", "the virtual environment", lambda: False, {"apt-get": package})


def install_libraries() -> bool:
    """Look for the libraries of PDF making and install what is missing, where that is possible.

    Never fails: everything else works without them, so it says what to run and goes on.
    Returns whether it had to look; what was found once is not looked for again.
    """
    wanted = stamp.digest(*(need.name for need in PDF_LIBRARIES))
    if stamp.matches(STAMP, wanted):
        return False
    missing = provide(PDF_LIBRARIES)
    if missing:
        tell(missing)
    else:
        stamp.write(STAMP, wanted)
    return True


def provide(needs: Sequence[Need]) -> list[Need]:
    """Install the needs that are not present, and return those that are missing afterwards."""
    missing = [need for need in needs if not need.present()]
    apt = _apt()
    packages = [p for need in missing for p in need.packages.get("apt-get", "").split()]
    if apt is None or not packages:
        return missing
    say(f"Set-up: system packages {' '.join(packages)} …")
    install = [*apt, *INSTALL["apt-get"].split(), *packages]
    if not _run(install):  # Mostly because the list of packages was never read on this machine.
        _run([*apt, "update"])
        if not _run(install):
            say("Set-up: apt-get could not install them.")
    return [need for need in missing if not need.present()]


def tell(missing: Sequence[Need]) -> None:
    """Say what is missing, what it is for, and the command that installs it."""
    for how, need in {need.how(): need for need in missing}.items():
        say(f"Notice: {need.name} is missing, needed for {need.why}. To install it: {how}")


def _apt() -> list[str] | None:
    """How to call apt-get without being asked anything, or None where that is not possible."""
    if not shutil.which("apt-get"):
        return None
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    if os.geteuid() == 0:
        return quiet
    if shutil.which("sudo") and _run(["sudo", "-n", "true"]):
        return ["sudo", "-n", *quiet]
    return None


def _run(command: list[str]) -> bool:
    # Standard input is closed: whatever would ask, fails instead.
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return done.returncode == 0
