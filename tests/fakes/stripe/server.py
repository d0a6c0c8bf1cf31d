"""The fake over HTTP: who may ask, idempotency keys, and faults on demand."""

import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.stripe import endpoints  # noqa: F401 - registers them
from tests.fakes.stripe.api import Api
from tests.fakes.stripe.books import ApiError
from tests.fakes.stripe.hints import Data

API_KEY = "sk_test_" + "0" * 24
LIVE_KEY = "sk_live_" + "0" * 24  # for programs that run as in production
NO_FIT = {"error": {"type": "api_error", "message": "The fake made something no SDK knows."}}


@dataclass
class Fault:
    """What goes wrong with the next calls to a path.

    Before anything is done: `500`, `429`, `403`, `hang`, `drop_before`. After it was done: `drop`
    (the answer is lost), `hang_after`, `500_after` (kept under the idempotency key, as at Stripe).
    """

    path: str  # a regular expression
    kind: str
    times: int = 1
    method: str = ""

    def fits(self, method: str, path: str) -> bool:
        """Whether it is this call's turn."""
        return self.times > 0 and self.method in ("", method) and bool(re.search(self.path, path))


@dataclass
class Kept:
    """An answer kept under an idempotency key; `status` 0: still being worked on."""

    print: str
    status: int = 0
    body: Data = field(default_factory=dict)


class Lost(Exception):
    """The connection is to be cut without an answer."""


class Front:
    """Everything between the socket and the API."""

    def __init__(self, api: Api, key: str = API_KEY) -> None:
        self.api = api
        self.key = key
        self.faults: list[Fault] = []
        self.kept: dict[str, Kept] = {}
        self.calls: list[tuple[str, str]] = []
        self.released = threading.Event()  # set: hanging calls go on
        self.hang_seconds = 60.0
        self.slow = 0.0  # seconds each call that changes something takes

    def handle(self, method: str, path: str, raw: Data, headers: Any) -> tuple[int, Data, Data]:
        """Return status, body and headers. Raises Lost."""
        try:
            self._admit(headers)
            fault = self._fault(method, path)
            if fault in ("500", "429", "403"):
                raise broken(int(fault))
            self._pause(fault, "hang", "drop_before")
            status, body, more = self._once(method, path, raw, headers, fault)
            if method != "GET":
                with self.api.lock:
                    self.api.save()
            self._pause(fault, "hang_after", "drop")
        except ApiError as error:
            return error.status, error.body, {}
        return status, body, more

    def _admit(self, headers: Any) -> None:
        if headers.get("Authorization") not in (f"Bearer {self.key}", f"Bearer {LIVE_KEY}"):
            raise ApiError("Invalid API Key provided.", status=401)
        version = headers.get("Stripe-Version")
        if version != self.api.api_version:
            raise ApiError(f"Invalid Stripe API version: {version}", param="Stripe-Version")

    def _fault(self, method: str, path: str) -> str:
        with self.api.lock:
            self.calls.append((method, path))
            for fault in self.faults:
                if fault.fits(method, path):
                    fault.times -= 1
                    return fault.kind
        return ""

    def _pause(self, fault: str, hang: str, drop: str) -> None:
        if fault == hang:
            self.released.wait(self.hang_seconds)
            raise Lost
        if fault == drop:
            raise Lost

    def _once(
        self, method: str, path: str, raw: Data, headers: Any, fault: str
    ) -> tuple[int, Data, Data]:
        """Answer a POST once per idempotency key."""
        key = headers.get("Idempotency-Key") if method == "POST" else None
        if key is None:
            return 200, self.api.answer(method, path, raw), {}
        text = json.dumps([path, raw], sort_keys=True)
        print_ = hashlib.sha256(text.encode()).hexdigest()
        with self.api.lock:
            known = self.kept.get(key)
            if known is not None:
                return self._repeat(known, print_, key)
            self.kept[key] = mine = Kept(print_)
        time.sleep(self.slow)
        try:
            body = self.api.answer(method, path, raw)
        except BaseException:
            del self.kept[key]  # refused before anything was done: the key is free
            raise
        mine.body, mine.status = body, 200
        if fault == "500_after":
            error = broken(500)
            mine.body, mine.status = error.body, error.status
        return mine.status, mine.body, {}

    def _repeat(self, known: Kept, print_: str, key: str) -> tuple[int, Data, Data]:
        if known.print != print_:
            raise ApiError(
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. Try using a key other than '{key}'.",
                kind="idempotency_error",
            )
        if not known.status:
            raise ApiError(
                f"There is currently another in-progress request using this key: {key}.",
                status=409,
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        return known.status, known.body, {"Idempotent-Replayed": "true"}


def broken(status: int) -> ApiError:
    """Return an answer of a service in trouble."""
    if status == 429:
        return ApiError("Too many requests.", status=429, code="rate_limit")
    if status == 403:
        return ApiError("The key does not have the required permissions.", status=403)
    return ApiError("Something went wrong at Stripe.", status=status, kind="api_error")


def decode(text: str) -> Data:
    """Return form values as nested dictionaries: a[b][0]=c is {"a": {"b": {"0": "c"}}}."""
    found: Data = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        first, _, rest = name.partition("[")
        names = [first, *re.findall(r"[^\[\]]+", rest)]
        inside = found
        for one in names[:-1]:
            inside = inside.setdefault(one, {})
            if not isinstance(inside, dict):
                raise ApiError(f"Invalid parameter: {name}", param=name)
        if names[-1] in inside:
            raise ApiError(f"Parameter given twice: {name}", param=name)
        inside[names[-1]] = value
    return found


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms between its head and its body
    server: "Server"

    def do_GET(self) -> None:
        """Read."""
        self._answer("GET")

    def do_POST(self) -> None:
        """Change, or tell the world what happens next."""
        self._answer("POST")

    def do_DELETE(self) -> None:
        """End."""
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        try:
            if parts.path.startswith("/_world/"):
                status, answer, more = self.server.world_call(parts.path[8:], body)
            else:
                raw = decode(body if method == "POST" else parts.query)
                status, answer, more = self.server.front.handle(
                    method, parts.path, raw, self.headers
                )
        except Lost:
            self.close_connection = True
            return
        except ApiError as error:
            status, answer, more = error.status, error.body, {}
        except Exception as error:  # noqa: BLE001 - a fault of the fake must be seen in the test
            self.server.troubles.append(repr(error))
            status, answer, more = 500, NO_FIT | {"why": repr(error)}, {}
        self._send(status, answer, more)

    def _send(self, status: int, answer: Any, more: Data) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Request-Id", f"req_{time.monotonic_ns()}")
        self.send_header("Stripe-Version", self.server.front.api.api_version)
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """The fake's listening socket."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, front: Front, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.front = front
        self.troubles: list[str] = []

    def world_call(self, name: str, body: str) -> tuple[int, Any, Data]:
        """Answer a call about the world; the separate process has them."""
        return 404, {}, {}
