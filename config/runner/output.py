"""One stream for everybody: each line behind the name of the program that wrote it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import BinaryIO

COLOURS = (36, 32, 33, 35, 34, 96, 92, 93)  # ANSI: cyan, green, yellow, magenta, blue, bright
RESET = b"\033[0m"


class Output:
    """Writes lines with a fixed-width prefix, coloured where the stream is a terminal."""

    def __init__(self, stream: BinaryIO, names: list[str], *, colour: bool) -> None:
        """`names` fixes the width of the prefix and the order of colours."""
        self.closed = False
        self._stream = stream
        self._width = max(map(len, names), default=0)
        self._colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
        self._colour = colour

    def line(self, name: str, text: bytes | str) -> None:
        """Write one line in one go. A closed terminal is remembered in `closed`, not raised."""
        data = text.encode(errors="replace") if isinstance(text, str) else text
        prefix = f"{name:<{self._width}} | ".encode()
        if self._colour:
            prefix = b"\033[%dm" % self._colours.get(name, 37) + prefix + RESET
            data += RESET if b"\033[" in data else b""  # A cut-off colour must not run on.
        self._write(prefix + data + b"\n")

    def block(self, text: str) -> None:
        """Write text of our own, without a prefix."""
        self._write(text.encode() + b"\n")

    def _write(self, data: bytes) -> None:
        if self.closed:
            return
        try:
            self._stream.write(data)
            self._stream.flush()
        except (OSError, ValueError):
            self.closed = True


def wants_colour(stream: BinaryIO, environ: Mapping[str, str] | None = None) -> bool:
    """Colour on terminals, unless NO_COLOR says no; FORCE_COLOR says yes (no-color.org)."""
    env = os.environ if environ is None else environ
    if env.get("NO_COLOR"):
        return False
    return bool(env.get("FORCE_COLOR")) or (stream.isatty() and env.get("TERM") != "dumb")
