"""Throwaway servers for the tests: a PostgreSQL cluster and a Valkey, gone when the tests are."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

from config.runner import broker
from config.runner.process import leashed
from config.setup import system
from config.setup.paths import SetupError

NAME = "atelier"  # role and database
STARTING = 30.0  # seconds
# Speed instead of safety: nothing in this cluster outlives the tests.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """A new cluster on a free port of loopback; yields its URL. Raises SetupError.

    `durable` writes every commit to disk as production does, for honest measurements.
    PostgreSQL refuses to run as root; then it runs as the user `postgres` or `nobody`.
    """
    binaries = system.postgres_bin()
    if binaries is None:
        raise SetupError("PostgreSQL is not installed.")
    folder = Path(tempfile.mkdtemp(prefix="atelier-postgres-"))
    try:
        user, password, port = _unprivileged(), secrets.token_urlsafe(16), free_port()
        _init(binaries, folder, user, password)
        options = [
            f"port={port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={folder}",
        ]
        settings = [
            part for option in (*options, *(() if durable else FAST)) for part in ("-c", option)
        ]
        command = (str(binaries / "postgres"), "-D", str(folder / "data"), *settings)
        url = f"postgres://{NAME}:{password}@127.0.0.1:{port}"
        with _running(leashed(command, user), folder / "log", signal.SIGINT) as alive:
            _wait(lambda: _answers(f"{url}/postgres"), alive, folder / "log")
            with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))
            yield f"{url}/{NAME}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def valkey() -> Iterator[str]:
    """A new Valkey on a free port of loopback, in memory; yields its URL. Raises SetupError."""
    folder = Path(tempfile.mkdtemp(prefix="atelier-valkey-"))
    try:
        port = free_port()
        command = broker.command(folder / "socket", folder / "data", durable=False)
        on_port = ("--port", str(port), "--bind", "127.0.0.1")
        url = f"redis://127.0.0.1:{port}"
        with _running(leashed((*command, *on_port)), folder / "log", signal.SIGTERM) as alive:
            _wait(lambda: broker.answers(url), alive, folder / "log")
            yield url
    except broker.BrokerMissing as missing:
        raise SetupError(str(missing)) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port of loopback that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _unprivileged() -> str:
    """The user PostgreSQL must run as; empty when we are not root and run it ourselves."""
    if os.geteuid():
        return ""
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise SetupError("PostgreSQL refuses to run as root, and there is no user `postgres`.")


def _init(binaries: Path, folder: Path, user: str, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password)
    if user:
        for path in (folder, secret):
            shutil.chown(path, user)
    command = [
        *(str(binaries / "initdb"), "--pgdata", str(folder / "data"), "--username", NAME),
        *("--auth", "scram-sha-256", "--pwfile", str(secret)),
        *("--encoding", "UTF8", "--no-locale", "--no-sync"),
    ]
    made = subprocess.run(leashed(tuple(command), user), capture_output=True, text=True, cwd="/")
    if made.returncode:
        raise SetupError(f"PostgreSQL could not be set up: {made.stderr.strip()}")


@contextmanager
def _running(command: list[str], log: Path, stop: signal.Signals) -> Iterator[Callable[[], bool]]:
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, stdout=output, stderr=output, start_new_session=True, cwd="/"
        )
    try:
        yield lambda: server.poll() is None
    finally:
        server.send_signal(stop)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(answers: Callable[[], bool], alive: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + STARTING
    while not answers():
        if not alive() or time.monotonic() > deadline:
            raise SetupError(f"A server for the tests did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False
