"""Bundles: esbuild's own binary, from the lock file, over the locked packages. No Node."""

from __future__ import annotations

import platform
import subprocess
import tempfile
from pathlib import Path

from config.setup.npm import tarball
from config.setup.npm.lock import Manifest, Package
from config.setup.npm.registry import Registry
from config.setup.paths import SetupError, say

MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def build(manifest: Manifest, registry: Registry, target: Path) -> None:
    """Make every bundle that package.json names; nothing is downloaded when there is none."""
    if not manifest.bundle:
        return
    with tempfile.TemporaryDirectory(prefix="atelier-npm-") as name:
        folder = Path(name)
        for package in manifest.packages.values():
            if runs_here(package):
                _install(package, registry, folder)
        for output, entry in manifest.bundle.items():
            _bundle(manifest.root / entry, target / output, folder)


def platform_name() -> tuple[str, str]:
    """Operating system and processor in npm's words: ("linux", "x64")."""
    machine = platform.machine().lower()
    return platform.system().lower(), MACHINES.get(machine, machine)


def runs_here(package: Package) -> bool:
    """Whether a package is for this platform; most are for all."""
    system, machine = platform_name()
    return _allows(package.systems, system) and _allows(package.machines, machine)


def _allows(names: tuple[str, ...], ours: str) -> bool:
    if f"!{ours}" in names:
        return False
    positive = [name for name in names if not name.startswith("!")]
    return not positive or ours in positive


def _install(package: Package, registry: Registry, folder: Path) -> None:
    """Unpack a whole package to its place, as npm would, but run none of its scripts."""
    data = registry.download(package)
    tarball.verify(package, data)
    base = (folder / package.place).resolve()
    if not base.is_relative_to(folder.resolve()):
        raise SetupError(f"{package.place} in package-lock.json leads outside.")
    for name, (content, mode) in tarball.files(data).items():
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755 if mode & 0o100 else 0o644)


def _bundle(entry: Path, output: Path, folder: Path) -> None:
    system, machine = platform_name()
    binary = folder / "node_modules" / "@esbuild" / f"{system}-{machine}" / "bin" / "esbuild"
    if not binary.exists():
        raise SetupError(f"package-lock.json has no esbuild for {system}-{machine}.")
    say(f"Set-up: bundling {output.name} …")
    command = [
        str(binary),
        str(entry),
        "--bundle",
        "--minify",
        "--format=esm",
        f"--outfile={output}",
    ]
    done = subprocess.run(
        [*command, "--log-level=warning"],
        cwd=entry.parent,
        # Resolves packages although the entry stands outside of the folder they are in.
        env={"NODE_PATH": str(folder / "node_modules")},
    )
    if done.returncode:
        raise SetupError(f"{output.name} could not be bundled.")
