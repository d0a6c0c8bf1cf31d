"""The local mailbox of development: delivered mails as .eml files that the outbox page shows.

It takes the place of a mail provider. Production never uses it: `settings.MAIL_TRANSPORT`.
"""

import email
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage as ParsedMessage
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

SUFFIX = ".eml"
SHOWN = 100


class MailboxBackend(BaseEmailBackend):
    """Delivers by writing one file per mail, readable by its owner only."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the mails; return how many."""
        folder = Path(settings.MAILBOX_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{timezone.now():%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}"
            part = folder / f"{name}.part"
            handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(message.message().as_bytes())
            part.rename(folder / f"{name}{SUFFIX}")  # a reader never sees half a mail
        return len(email_messages)


@dataclass(frozen=True)
class Delivered:
    """A delivered mail as the outbox page shows it."""

    id: str
    at: datetime
    subject: str
    sender: str
    to: str
    text: str
    html: str


def _body(message: ParsedMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""


def _read(path: Path) -> Delivered:
    message = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    at = datetime.strptime(path.stem.split("-")[0], "%Y%m%dT%H%M%S%f")
    return Delivered(
        id=path.stem,
        at=timezone.make_aware(at),
        subject=str(message["Subject"] or ""),
        sender=str(message["From"] or ""),
        to=str(message["To"] or ""),
        text=_body(message, "plain"),
        html=_body(message, "html"),
    )


def delivered(most: int = SHOWN) -> list[Delivered]:
    """Return the newest delivered mails, newest first."""
    paths = sorted(Path(settings.MAILBOX_DIR).glob(f"*{SUFFIX}"), reverse=True)
    return [_read(path) for path in paths[:most]]


def read(mail_id: str) -> Delivered | None:
    """Return one delivered mail, or None."""
    names = {path.stem: path for path in Path(settings.MAILBOX_DIR).glob(f"*{SUFFIX}")}
    path = names.get(mail_id)  # compared with names that exist: an id is never used as a path
    return _read(path) if path else None
