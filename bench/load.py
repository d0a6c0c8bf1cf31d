"""A small load generator: keep-alive connections over one selector, raw sockets, little CPU."""

import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """What came back: seconds per answered request, counts per status."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def add(self, other: "Outcome") -> None:
        """Take in what came back another time."""
        self.seconds += other.seconds
        self.latencies += other.latencies
        for status, count in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + count

    def percentile(self, share: float) -> float:
        """Latency in milliseconds below which `share` of the answers lie."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


class Connection:
    """One keep-alive connection with one request under way."""

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self.socket = socket.create_connection(self.address, timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        """Send the next request."""
        self.buffer, self.sent_at = b"", time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> int:
        """Read what is there; return the status when the answer is complete, else 0."""
        part = self.socket.recv(262144)
        if not part:
            raise ConnectionError("the server hung up")
        self.buffer += part
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return 0
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        length = int(
            lower[start : lower.find(b"\r\n", start) if b"\r\n" in lower[start:] else None]
        )
        return int(head[9:12]) if len(body) >= length else 0


def run(
    port: int,
    make: Callable[[int], bytes],
    *,
    seconds: float,
    connections: int = 16,
    most: int | None = None,
) -> Outcome:
    """Send `make(n)`, the n-th request, over all connections until the time (or `most`) is up."""
    outcome, selector, number = Outcome(), selectors.DefaultSelector(), 0
    start = time.perf_counter()
    for _ in range(connections):
        connection = Connection("127.0.0.1", port)
        connection.send(make(number))
        number += 1
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    while selector.get_map():
        for event, _ in selector.select(timeout=30):
            current: Connection = event.data
            status = current.receive()
            if not status:
                continue
            now = time.perf_counter()
            outcome.latencies.append(now - current.sent_at)
            outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
            over = now - start > seconds or (most is not None and number >= most)
            if over:
                selector.unregister(current.socket)
                current.socket.close()
            else:
                current.send(make(number))
                number += 1
    outcome.seconds = time.perf_counter() - start
    return outcome


def paced(port: int, requests: Sequence[bytes], *, rate: float) -> Outcome:
    """Send `rate` requests a second, whether or not earlier ones are answered.

    Latency counts from the moment a request was planned for, so a server that is late for one is
    charged for all that had to wait behind it. Raises TimeoutError where answers stay away.
    """
    outcome, selector, number = Outcome(), selectors.DefaultSelector(), 0
    idle: deque[Connection] = deque()
    start = time.perf_counter()
    while number < len(requests) or selector.get_map():
        while number < len(requests) and start + number / rate <= time.perf_counter():
            connection = idle.popleft() if idle else Connection("127.0.0.1", port)
            connection.send(requests[number])
            connection.sent_at = start + number / rate
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            number += 1
        last = number == len(requests)
        ready = selector.select(30 if last else max(start + number / rate - time.perf_counter(), 0))
        if last and not ready:
            raise TimeoutError(f"{len(selector.get_map())} answers stay away")
        for event, _ in ready:
            current: Connection = event.data
            status = current.receive()
            if status:
                outcome.latencies.append(time.perf_counter() - current.sent_at)
                outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
                selector.unregister(current.socket)
                idle.append(current)
    outcome.seconds = time.perf_counter() - start
    for connection in idle:
        connection.socket.close()
    return outcome


def request(
    method: str, path: str, *, key: str = "", body: bytes = b"", headers: Sequence[str] = ()
) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: keep-alive", *headers]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
