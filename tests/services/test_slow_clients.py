"""Clients that open a request and never finish it do not hold the site."""

import socket
import time
import urllib.request
from pathlib import Path

import pytest

from config.server import READ_SECONDS
from config.suites.servers import free_port
from tests.services.programs import python, wait

pytestmark = [pytest.mark.slow, pytest.mark.services]
HALF_A_HEADER = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
HALF_A_BODY = (
    b"POST /optimize HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer demo123\r\nContent-Length: 1000\r\n\r\n{"
)


def healthy(port: int, seconds: float) -> bool:
    address = f"http://127.0.0.1:{port}/healthz"
    try:
        with urllib.request.urlopen(address, timeout=seconds) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.parametrize("half", [HALF_A_HEADER, HALF_A_BODY], ids=["header", "body"])
def test_unfinished_requests_on_every_thread_are_cut_off(tmp_path: Path, half: bytes) -> None:
    port = free_port()
    command = ("-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "2")
    worker = ("--worker-class", "config.server.PatientThreadWorker", "--no-control-socket")
    environment = {"ATELIER_ENV": "dev", "VAR_DIR": str(tmp_path)}
    with python(*command, *worker, **environment):
        wait(lambda: healthy(port, 1), 20)
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
        for connection in slow:
            connection.sendall(half)
        started = time.monotonic()
        wait(lambda: healthy(port, 2), 3 * READ_SECONDS)
        assert time.monotonic() - started < 2.5 * READ_SECONDS
        for connection in slow:
            connection.close()
