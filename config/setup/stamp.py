"""Stamps: a step that was done for the same contents is not done again."""

from __future__ import annotations

import hashlib
from pathlib import Path


def digest(*parts: str | bytes | Path) -> str:
    """One hex digest over texts, bytes and the contents of files, in order.

    Each part is preceded by its length, so that moving a byte between parts changes the digest.
    """
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            data = part.read_bytes()
        else:
            data = part.encode() if isinstance(part, str) else part
        total.update(f"{len(data)}:".encode())
        total.update(data)
    return total.hexdigest()


def matches(stamp: Path, wanted: str) -> bool:
    """Whether the stamp file holds this digest."""
    try:
        return stamp.read_text().strip() == wanted
    except (OSError, UnicodeDecodeError):
        return False


def write(stamp: Path, value: str) -> None:
    """Record that a step is done. Call it last: a broken-off step leaves no stamp."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(value + "\n")
