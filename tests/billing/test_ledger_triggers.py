"""The ledger is append-only in the database itself, whoever writes to it."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from accounts.models import Account
from billing import triggers
from billing.flows import credits, ledgers
from billing.models import LedgerEntry


@pytest.fixture
def entry(account: Account) -> LedgerEntry:
    made = credits.grant(account, 100, ref="a")
    assert made is not None
    return made


def test_an_entry_is_not_changed_or_deleted_through_its_model(entry: LedgerEntry) -> None:
    with pytest.raises(TypeError, match="never changed"):
        entry.save()
    with pytest.raises(TypeError, match="never deleted"):
        entry.delete()


def test_the_database_refuses_bulk_changes_and_deletes(entry: LedgerEntry) -> None:
    rows = LedgerEntry.objects.filter(pk=entry.pk)
    with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic():
        rows.update(amount=999)
    with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic():
        rows.delete()
    assert rows.get().amount == 100


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_ledgerentry SET amount = 999",
        "UPDATE billing_ledgerentry SET at = at",
        "DELETE FROM billing_ledgerentry",
    ],
)
def test_plain_sql_is_refused_too(entry: LedgerEntry, statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="never changed or deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert LedgerEntry.objects.get().amount == 100


def test_a_missing_trigger_is_reported(entry: LedgerEntry) -> None:
    assert ledgers.problems() == []
    with connection.cursor() as cursor:
        cursor.execute(triggers.REMOVE[connection.vendor][0])
    found = [problem.ref for problem in ledgers.problems()]
    assert found == ["ledger:triggers"]
    with connection.cursor() as cursor:
        for statement in triggers.REMOVE[connection.vendor]:
            cursor.execute(statement)
        for statement in triggers.INSTALL[connection.vendor]:
            cursor.execute(statement)
    assert ledgers.problems() == []


@pytest.mark.django_db(transaction=True)
def test_tests_that_commit_can_be_emptied(account: Account) -> None:
    """Without the fixture that lifts the triggers, the end of this test would fail on SQLite."""
    credits.grant(account, 100, ref="a")


@pytest.mark.django_db(transaction=True)
def test_the_triggers_are_there_again_after_a_test_was_emptied(entry: LedgerEntry) -> None:
    with pytest.raises(DatabaseError):
        LedgerEntry.objects.filter(pk=entry.pk).delete()


@pytest.mark.django_db(transaction=True)
def test_the_migration_can_be_undone_and_done_again() -> None:
    def there() -> int:
        with connection.cursor() as cursor:
            cursor.execute(triggers.COUNT[connection.vendor])
            return int(cursor.fetchone()[0])

    latest = list(MigrationExecutor(connection).loader.graph.leaf_nodes("billing"))
    MigrationExecutor(connection).migrate([("billing", "0002_money")])
    try:
        assert there() == 0
    finally:
        MigrationExecutor(connection).migrate(latest)
    assert there() == triggers.COMPLETE[connection.vendor]
