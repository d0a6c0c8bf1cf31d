"""A total deadline for a requests session: when it passes, its sockets are cut.

A read timeout alone counts from one received byte to the next, so a server that sends a byte now
and then, in the headers or the body, could hold a thread for ever.
"""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import requests
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Deadline:
    """Cuts every connection that `session` opens inside the `with` block after `seconds`.

    `passed` says whether that happened; an answer that ended then is not complete.
    """

    def __init__(self, session: requests.Session, seconds: float) -> None:
        self.passed = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        pools = {
            "http": self._watched(HTTPConnectionPool),
            "https": self._watched(HTTPSConnectionPool),
        }
        for adapter in session.adapters.values():
            adapter.poolmanager.pool_classes_by_scheme = pools  # type: ignore[attr-defined]

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()

    def _watched(self, pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
        base: Any = pool.ConnectionCls
        sockets = self._sockets

        class Connection(base):  # the base depends on the scheme
            def connect(self) -> None:
                super().connect()
                sockets.append(self.sock)

        return type("WatchedPool", (pool,), {"ConnectionCls": Connection})

    def _cut(self) -> None:
        self.passed = True
        for connection in self._sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
