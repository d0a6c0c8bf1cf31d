"""Reads settings from the environment and remembers each one for the table in docs/settings.md.

Every variable is declared where it is used, with its default and a sentence. A name that an older
installation used works as an alias: the first name that is set wins.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


class SettingError(Exception):
    """A variable is set to something that cannot be understood."""


@dataclass(frozen=True)
class Variable:
    """One documented environment variable."""

    name: str
    default: str
    help: str
    aliases: tuple[str, ...]
    block: str


class Env:
    """Typed access to the environment; `variables` lists what was asked for, in order.

    `NAME_FILE` names a file that holds the value of `NAME`, as container platforms do.
    """

    def __init__(self, source: dict[str, str] | None = None) -> None:
        self.source = dict(os.environ) if source is None else source
        self.variables: list[Variable] = []
        self.block = ""

    def title(self, block: str) -> None:
        """Start a block: what follows is listed under this heading."""
        self.block = block

    def text(
        self,
        name: str,
        default: str = "",
        *,
        help: str,
        aliases: Sequence[str] = (),
        shown: str | None = None,
    ) -> str:
        """Return the text of a variable. `shown` replaces a computed default in the docs."""
        listed = default if shown is None else shown
        self.variables.append(Variable(name, listed, help, tuple(aliases), self.block))
        for candidate in (name, *aliases):
            if candidate in self.source:
                return self.source[candidate].strip()
            if path := self.source.get(f"{candidate}_FILE"):
                return Path(path).read_text(encoding="utf-8").strip()
        return default

    def is_set(self, name: str) -> bool:
        """Whether a variable was given at all, even an empty one."""
        return name in self.source or f"{name}_FILE" in self.source

    def flag(self, name: str, default: bool, *, help: str) -> bool:
        """Return a yes/no variable. Raises SettingError on anything else."""
        value = self.text(name, str(default).lower(), help=help).lower()
        if value in TRUE:
            return True
        if value in FALSE:
            return False
        raise SettingError(f"{name} must be true or false, not {value!r}.")

    def number(
        self, name: str, default: int, *, help: str, low: int = 0, aliases: Sequence[str] = ()
    ) -> int:
        """Return a whole number of at least `low`. Raises SettingError otherwise."""
        value = self.text(name, str(default), help=help, aliases=aliases)
        try:
            number = int(value)
        except ValueError:
            raise SettingError(f"{name} must be a whole number, not {value!r}.") from None
        if number < low:
            raise SettingError(f"{name} must be at least {low}, not {number}.")
        return number

    def names(
        self, name: str, *, help: str, default: str = "", shown: str | None = None
    ) -> list[str]:
        """Return comma-separated values without blanks."""
        return [
            item.strip()
            for item in self.text(name, default, help=help, shown=shown).split(",")
            if item.strip()
        ]

    def choice(self, name: str, default: str, choices: Sequence[str], *, help: str) -> str:
        """Return one of `choices`. Raises SettingError otherwise."""
        value = self.text(name, default, help=help)
        if value not in choices:
            raise SettingError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
        return value


def redis_database(url: str, number: int) -> str:
    """Return the address of database `number` of the server at `url`; empty for an empty `url`.

    A database that `url` names itself is replaced: broker and cache each have their own.
    Raises SettingError for anything but redis:// and rediss://.
    """
    if not url:
        return ""
    if not url.startswith(("redis://", "rediss://")):
        raise SettingError("REDIS_URL must begin with redis:// or rediss://.")
    return urlsplit(url)._replace(path=f"/{number}").geturl()
