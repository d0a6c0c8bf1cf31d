"""The programs of a development installation, in the order they start."""

from __future__ import annotations

import os
import sys
import tempfile
from functools import partial
from pathlib import Path

from django.conf import settings
from django.core.management import get_commands

from config.runner import broker, web
from config.runner.process import Process

# Advice for servers with gigabytes of data, and good-byes.
BROKER_SMALL_TALK = (b"Memory overcommit", b"signal-handler", b"ready to exit")


def broker_process() -> Process | None:
    """The embedded broker, or None when REDIS_URL names one that runs elsewhere."""
    if settings.REDIS_URL:
        return None
    data = settings.VAR_DIR / "valkey"
    return Process(
        name="broker",
        command=broker.command(settings.VALKEY_SOCKET, data),
        prepare=partial(data.mkdir, parents=True, exist_ok=True),  # it may have been wiped
        answers=partial(broker.answers, settings.CACHE_URL),
        goes_last=True,
        hides=BROKER_SMALL_TALK,
    )


def processes(*, patience: int, reload: bool) -> list[Process]:
    """Web, worker, beat and, with a token, the Telegram bot.

    `patience` is how many seconds they get to finish when stopping; `reload` lets the web server
    notice changed files.
    """
    wanted = [_web(patience, reload), _worker(), _beat()]
    if settings.TELEGRAM_BOT_TOKEN and "telegram" in get_commands():
        wanted.append(_program("bot", str(settings.BASE_DIR / "manage.py"), "telegram"))
    return wanted


def _program(name: str, *arguments: str, says_ready: bytes = b"") -> Process:
    return Process(
        name=name,
        command=(sys.executable, *arguments),
        environment=_without_root_warning(),
        folder=settings.BASE_DIR,
        says_ready=says_ready,
    )


def _web(patience: int, reload: bool) -> Process:
    options = {
        "bind": f"{web.HOST}:{settings.PORT}",
        "worker-class": "config.server.PatientThreadWorker",
        "workers": "2",
        "threads": "4",
        "graceful-timeout": str(patience),
        # A fresh worker now and then keeps a slow leak small; spread, so not both at once.
        "max-requests": "5000",
        "max-requests-jitter": "1000",
        # Workers prove that they live by touching a file, which must not wait for a disk.
        "worker-tmp-dir": str(_memory_folder()),
        "log-level": "warning",
    }
    flags = ["--no-control-socket", "--reload" if reload else "--preload"]
    pairs = [part for key, value in options.items() for part in (f"--{key}", value)]
    return Process(
        name="web",
        command=(sys.executable, "-m", "gunicorn", "config.wsgi", *pairs, *flags),
        folder=settings.BASE_DIR,
        answers=partial(web.answers, settings.PORT),
    )


def _memory_folder() -> Path:
    memory = Path("/dev/shm")  # noqa: S108
    return memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


def _worker() -> Process:
    # One worker here: nobody to greet (mingle) or to gossip with, which saves a second.
    return _program(
        "worker",
        *("-m", "celery", "--quiet", "-A", "config", "worker"),
        *("--pool", "threads", "--concurrency", "4", "--queues", "quick,slow,bulk"),
        *("--without-mingle", "--without-gossip", "--loglevel", "INFO"),
        says_ready=b"ready",
    )


def _without_root_warning() -> dict[str, str]:
    """Celery's warning about root: in a container everybody is, and this is development."""
    known = [os.environ.get("PYTHONWARNINGS", ""), "ignore:You're running the worker"]
    return {"PYTHONWARNINGS": ",".join(filter(None, known))}


def _beat() -> Process:
    return _program("beat", "-m", "celery", "--quiet", "-A", "config", "beat", "--loglevel", "INFO")
