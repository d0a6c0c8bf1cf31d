"""Unpack the listed files into static/vendor/."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from config.setup.npm import tarball
from config.setup.npm.lock import Manifest
from config.setup.npm.registry import Registry
from config.setup.paths import SetupError

# The maps themselves are not unpacked, and manifest storage refuses a link to a missing file.
SOURCE_MAP = re.compile(
    rb"^[ \t]*(//[#@][ \t]*sourceMappingURL=.*|/\*[#@][ \t]*sourceMappingURL=[^*]*\*/)[ \t]*\r?$",
    re.MULTILINE,
)
TEXT = {".js", ".mjs", ".css"}


def unpack(manifest: Manifest, registry: Registry, target: Path) -> None:
    """Fill `target` with exactly the listed files; the folder is replaced only when all are there.

    Raises SetupError when a package or a listed file cannot be had.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".vendor-") as folder:
        fresh = Path(folder) / "new"
        fresh.mkdir()
        for name, wanted_files in manifest.vendor.items():
            package = manifest.package(name)
            data = registry.download(package)
            tarball.verify(package, data)
            _place(name, wanted_files, tarball.files(data), fresh)
        if target.exists():
            target.rename(Path(folder) / "old")
        fresh.rename(target)


def _place(
    name: str,
    wanted_files: Mapping[str, str],
    contents: dict[str, tuple[bytes, int]],
    fresh: Path,
) -> None:
    for inside, outside in wanted_files.items():
        if inside not in contents:
            raise SetupError(f"{name} has no file {inside}.")
        write(fresh, outside, contents[inside][0])


def write(folder: Path, name: str, content: bytes) -> Path:
    """Write one file below `folder`. Raises SetupError when the name leads outside of it."""
    path = (folder / name).resolve()
    if not name or not path.is_relative_to(folder.resolve()) or path == folder.resolve():
        raise SetupError(f"{name!r} in package.json leads outside of static/vendor/.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(SOURCE_MAP.sub(b"", content) if path.suffix in TEXT else content)
    return path
