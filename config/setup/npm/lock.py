"""package.json and package-lock.json, read and checked against each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.setup.paths import SetupError


@dataclass(frozen=True)
class Package:
    """One entry of the lock file."""

    place: str  # "node_modules/a" or, nested, "node_modules/a/node_modules/b"
    name: str
    version: str
    integrity: str
    systems: tuple[str, ...] = ()  # empty: any operating system
    machines: tuple[str, ...] = ()  # empty: any processor


@dataclass(frozen=True)
class Manifest:
    """What package.json wants unpacked and bundled, and the locked packages it comes from."""

    root: Path
    packages: Mapping[str, Package]  # by place
    vendor: Mapping[str, Mapping[str, str]]  # package -> file in it -> file under static/vendor/
    bundle: Mapping[str, str] = field(default_factory=dict)  # output -> entry

    @classmethod
    def read(cls, root: Path) -> Manifest:
        """Read both files in `root`. Raises SetupError when they are broken or disagree."""
        wanted, lock = _json(root / "package.json"), _json(root / "package-lock.json")
        if lock.get("lockfileVersion") != 3:
            raise SetupError("package-lock.json is not of lockfileVersion 3; make it with npm 9+.")
        locked = lock.get("packages", {})
        if locked.get("", {}).get("dependencies", {}) != wanted.get("dependencies", {}):
            raise SetupError(
                "package-lock.json does not fit package.json. Run: npm install --package-lock-only"
            )
        ours = wanted.get("atelier", {})
        manifest = cls(
            root=root,
            packages={place: _package(place, e) for place, e in locked.items() if place},
            vendor=ours.get("vendor", {}),
            bundle=ours.get("bundle", {}),
        )
        for name in manifest.vendor:
            manifest.package(name)
        return manifest

    def package(self, name: str) -> Package:
        """The top-level package of this name. Raises SetupError when the lock does not have it."""
        found = self.packages.get(f"node_modules/{name}")
        if found is None:
            raise SetupError(f"{name} is not in package-lock.json.")
        return found


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SetupError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise SetupError(f"{path.name} is not an object.")
    return content


def _package(place: str, entry: dict[str, Any]) -> Package:
    name = entry.get("name") or place.rpartition("node_modules/")[2]
    if "integrity" not in entry or "version" not in entry:
        raise SetupError(f"{name} in package-lock.json has no integrity: not from a registry.")
    return Package(
        place=place,
        name=name,
        version=entry["version"],
        integrity=entry["integrity"],
        systems=tuple(entry.get("os", ())),
        machines=tuple(entry.get("cpu", ())),
    )
