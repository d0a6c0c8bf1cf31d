"""A package's tarball: its integrity checked, its files read into memory."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import tarfile
from pathlib import PurePosixPath

from config.setup.npm.lock import Package
from config.setup.paths import SetupError

# Strongest first, as in the Subresource Integrity standard. sha1 is not enough for us.
ALGORITHMS = ("sha512", "sha384", "sha256")


def verify(package: Package, data: bytes) -> None:
    """Raise SetupError unless the bytes have the integrity that the lock file names."""
    hashes = dict(part.split("-", 1) for part in package.integrity.split() if "-" in part)
    algorithm = next((name for name in ALGORITHMS if name in hashes), None)
    if algorithm is None:
        raise SetupError(f"{package.name} has no strong hash in package-lock.json.")
    found = base64.b64encode(hashlib.new(algorithm, data).digest()).decode()
    if not hmac.compare_digest(found, hashes[algorithm].partition("?")[0]):
        raise SetupError(
            f"{package.name} {package.version} is not the file that package-lock.json names "
            f"({algorithm} differs). Nothing of it was used."
        )


def files(data: bytes) -> dict[str, tuple[bytes, int]]:
    """All regular files: name inside the package -> (contents, mode).

    The first folder ("package/" mostly) is cut off. Links, devices and names that leave the
    package are left out: no well-made package has any.
    """
    found: dict[str, tuple[bytes, int]] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            for member in archive:
                name = inner_name(member.name)
                content = archive.extractfile(member) if name and member.isreg() else None
                if name and content:
                    found[name] = (content.read(), member.mode)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise SetupError(f"A downloaded package cannot be unpacked: {error}") from error
    return found


def inner_name(name: str) -> str:
    """The name below the package's first folder; empty when it would lead outside."""
    parts = PurePosixPath(name).parts
    if len(parts) < 2 or parts[0] == "/" or ".." in parts or "\\" in name:
        return ""
    return "/".join(parts[1:])
