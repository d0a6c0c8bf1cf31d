"""What keeps the ledger append-only in the database itself, for each kind of database."""

from typing import Final

INSTALL: Final[dict[str, list[str]]] = {
    "postgresql": [
        """
        CREATE OR REPLACE FUNCTION billing_ledger_is_append_only() RETURNS trigger AS $$
        BEGIN
          RAISE EXCEPTION 'Ledger entries are never changed or deleted.'
            USING ERRCODE = 'restrict_violation';
        END
        $$ LANGUAGE plpgsql
        """,
        """
        CREATE TRIGGER billing_ledger_keep BEFORE UPDATE OR DELETE ON billing_ledgerentry
        FOR EACH ROW EXECUTE FUNCTION billing_ledger_is_append_only()
        """,
    ],
    "sqlite": [
        f"""
        CREATE TRIGGER billing_ledger_keep_{verb.lower()} BEFORE {verb} ON billing_ledgerentry
        BEGIN SELECT RAISE(ABORT, 'Ledger entries are never changed or deleted.'); END
        """
        for verb in ("UPDATE", "DELETE")
    ],
}
REMOVE: Final[dict[str, list[str]]] = {
    "postgresql": [
        "DROP TRIGGER IF EXISTS billing_ledger_keep ON billing_ledgerentry",
        "DROP FUNCTION IF EXISTS billing_ledger_is_append_only()",
    ],
    "sqlite": [
        "DROP TRIGGER IF EXISTS billing_ledger_keep_update",
        "DROP TRIGGER IF EXISTS billing_ledger_keep_delete",
    ],
}
# How many of them are there and at work. SQLite loses them where a migration remakes the table.
COUNT: Final[dict[str, str]] = {
    "postgresql": "SELECT count(*) FROM pg_trigger WHERE tgname = 'billing_ledger_keep' "
    "AND tgrelid = 'billing_ledgerentry'::regclass AND tgenabled <> 'D'",
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' "
    "AND name IN ('billing_ledger_keep_update', 'billing_ledger_keep_delete')",
}
COMPLETE: Final[dict[str, int]] = {"postgresql": 1, "sqlite": 2}
