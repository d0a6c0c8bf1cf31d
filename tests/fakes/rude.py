"""A server on loopback that misbehaves at the socket level."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Behaviour = Callable[[socket.socket], None]


def hang_up(connection: socket.socket) -> None:
    """Take the request and close without a word."""
    connection.recv(65536)


def stay_silent(connection: socket.socket) -> None:
    """Take the request and never answer."""
    connection.recv(65536)
    time.sleep(5)


def drip(connection: socket.socket) -> None:
    """Answer with one byte every 0.1 seconds, without end."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"x")
        time.sleep(0.1)


def drip_headers(connection: socket.socket) -> None:
    """Answer with one header every 0.1 seconds, without end."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(90):
        connection.sendall(b"X-%d: y\r\n" % number)
        time.sleep(0.1)


def flood(connection: socket.socket) -> None:
    """Answer with far more than anybody asked for."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n")
    for _ in range(1000):
        connection.sendall(b"x" * 65536)


def half(connection: socket.socket) -> None:
    """Promise 100 bytes, send 3, hang up."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")


@contextmanager
def rude_server(behaviour: Behaviour) -> Iterator[str]:
    """Run the server while the block runs; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_talk, args=(connection, behaviour), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        listener.close()


def _talk(connection: socket.socket, behaviour: Behaviour) -> None:
    with connection, suppress(OSError):
        behaviour(connection)
