"""Looks into the database of a running house, from outside, in plain SQL."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg


class Rows:
    """A SQLite file, or a PostgreSQL by its address. Each statement has its own connection."""

    def __init__(self, place: Path | str) -> None:
        self._place = place

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement with %s for values; return its rows, if it has any."""
        if isinstance(self._place, str):
            with psycopg.connect(self._place, autocommit=True) as connection:
                cursor = connection.execute(statement, values)  # type: ignore[arg-type]
                return cursor.fetchall() if cursor.description else []
        with closing(sqlite3.connect(self._place, timeout=30, isolation_level=None)) as file:
            return file.execute(statement.replace("%s", "?"), values).fetchall()

    def mails(self, keys: list[str], columns: str) -> list[tuple[Any, ...]]:
        """Some columns of these mails, in the order of the keys."""
        return [
            self.sql(f"SELECT {columns} FROM accounts_outgoingmail WHERE dedupe_key = %s", key)[0]
            for key in keys
        ]

    def states(self, keys: list[str]) -> list[str]:
        return [state for (state,) in self.mails(keys, "state")]

    def tries(self, key: str) -> list[tuple[int, str]]:
        """Number and outcome of each recorded try."""
        return self.sql(
            "SELECT t.number, t.outcome FROM accounts_mailattempt t "
            "JOIN accounts_outgoingmail m ON m.id = t.mail_id "
            "WHERE m.dedupe_key = %s ORDER BY t.id",
            key,
        )

    def let_leases_run_out(self) -> None:
        """Two minutes pass for whoever holds a mail."""
        self.sql(
            "UPDATE accounts_outgoingmail SET lease_until = '2020-01-01 00:00:00' "
            "WHERE state = 'running'"
        )

    def let_waits_end(self) -> None:
        """The pause before the next try is over."""
        self.sql(
            "UPDATE accounts_outgoingmail SET run_after = '2020-01-01 00:00:00' "
            "WHERE state = 'queued'"
        )
