"""A process of the house that does as it is told: queues mails, sets the sweep's pace.

Django's start takes a second or two, which is long while something is down; so one process stays.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.services.programs import ISOLATED, ROOT

# One order per line of its input, one answer per line of its output.
PROGRAM = """
import json, sys, uuid
import django
django.setup()
from django.core.mail import EmailMessage
from django.db import close_old_connections
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from accounts.flows import mail
from accounts.models import OutgoingMail

ring = OutgoingMail.ring

def mails(number, rung):
    OutgoingMail.ring = ring if rung else lambda self: None
    keys = [uuid.uuid4().hex for _ in range(number)]
    for key in keys:
        message = EmailMessage("Hello", "In words", None, ["reader@example.org"])
        mail.enqueue(message, dedupe_key=key)
    return keys

def sweep_every(seconds):
    entry = PeriodicTask.objects.get(name="sweep jobs")
    entry.interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period="seconds")
    entry.save()  # as the admin does

for line in sys.stdin:
    name, *arguments = json.loads(line)
    print("answer", json.dumps(globals()[name](*arguments)), flush=True)
"""


class Desk:
    """Use as a context manager. A fault in the process fails the test with what it wrote."""

    def __init__(self, log: Path, **environment: str) -> None:
        inherited = {k: v for k, v in os.environ.items() if k not in ISOLATED}
        self._log = log
        with log.open("wb") as errors:
            self._popen = subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                cwd=ROOT,
                env={**inherited, "DJANGO_SETTINGS_MODULE": "config.settings", **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def mails(self, number: int, *, rung: bool = True) -> list[str]:
        """Queue mails and return their keys. Without a ring only the sweep finds them."""
        keys = self._ask("mails", number, rung)
        assert isinstance(keys, list)
        return keys

    def sweep_every(self, seconds: int) -> None:
        """Change the time of the sweep, as staff does in the admin."""
        self._ask("sweep_every", seconds)

    def _ask(self, *order: object) -> object:
        assert self._popen.stdin
        assert self._popen.stdout
        self._popen.stdin.write(json.dumps(order) + "\n")
        self._popen.stdin.flush()
        for line in self._popen.stdout:
            if line.startswith("answer "):  # logs stand between
                return json.loads(line.removeprefix("answer "))
        raise AssertionError(self._log.read_text())

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._popen.stdin
        self._popen.stdin.close()
        try:
            self._popen.wait(5)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
