"""Servers for programs under test: their own database on the suite's PostgreSQL, a broker."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from config.suites import servers


@contextmanager
def new_database() -> Iterator[str]:
    """An empty database on the server of DATABASE_URL, or on a throwaway one; yields its URL."""
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith(("postgres://", "postgresql://")):
        yield from _on(given)
    else:
        with servers.postgres() as url:
            yield from _on(url)


def _on(server: str) -> Iterator[str]:
    name = f"atelier_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


@contextmanager
def some_broker() -> Iterator[str]:
    """The Redis or Valkey of REDIS_URL, or a throwaway one; yields its URL without a database."""
    if given := os.environ.get("REDIS_URL", ""):
        yield urlsplit(given)._replace(path="").geturl()
    else:
        with servers.valkey() as url:
            yield url
