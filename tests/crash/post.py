"""A mail server whose clients can be kept waiting, and that notes what reached it at once."""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from config.suites.servers import free_port
from tests.services.programs import wait

logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells every word


class Gate:
    """A point where clients wait while it is closed."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self.waiting = 0

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Keep every client that comes by while the block runs."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def open(self) -> None:
        self._open.set()

    async def passed(self) -> None:
        self.waiting += 1
        try:
            while not self._open.is_set():
                await asyncio.sleep(0.02)
        finally:  # also when the client hung up
            self.waiting -= 1

    def wait_for_one(self, seconds: float = 15) -> None:
        """Return when a client waits here."""
        wait(lambda: not self._open.is_set() and self.waiting, seconds, lambda: "nobody came")


class PostOffice:
    """Takes mails while it is open. `arrived` counts how often each Message-ID was handed over.

    `greeting` keeps clients before the first word, `content` after the whole mail came and before
    it is acknowledged: whoever dies there cannot know that the mail arrived.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.arrived: Counter[str] = Counter()
        self.greeting = Gate()
        self.content = Gate()
        self._controller: Controller | None = None

    def open(self) -> None:
        self._controller = _Counter(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def close(self) -> None:
        if self._controller:
            self._controller.stop()
            self._controller = None

    def __enter__(self) -> "PostOffice":
        self.open()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def times(self, keys: list[str]) -> list[int]:
        """How often each mail arrived; a mail's key stands in its Message-ID."""
        return [self.arrived[key] for key in keys]

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        message_id = message_from_bytes(envelope.content)["Message-ID"]
        self.arrived[message_id.strip("<>").partition("@")[0]] += 1
        await self.content.passed()
        return "250 OK"


class _Counter(Controller):
    """The desk inside the post office: one conversation per client."""

    def factory(self) -> SMTP:
        return _Conversation(self.handler, **self.SMTP_kwargs)


class _Conversation(SMTP):
    async def _handle_client(self) -> None:
        await self.event_handler.greeting.passed()
        await super()._handle_client()
