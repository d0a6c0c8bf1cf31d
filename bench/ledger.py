"""A ledger of a million rows, and how long it takes to prove that it adds up.

`python -m bench.ledger FILE` fills the tables, measures, and writes into FILE what it found. Each
wallet has blocks of fifty entries: 5,000 hundredths bought, then 49 times 100 spent. Every purchase
has its order, payment, delivery and grant, copied from one that was settled.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import django

django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.flows import signup  # noqa: E402
from accounts.models import Account, Membership, Role, User  # noqa: E402
from billing.flows import entitlements, ledgers  # noqa: E402
from billing.models import Fulfilment, Grant, LedgerEntry, Order, Payment, Wallet  # noqa: E402

OTHERS, LONG, SHORT = 1_999, 10_000, 500  # wallets; entries of the long one, and of the others
QUIET = 2  # wallets that nobody has used for long
PAGE = 50
ROUNDS = 3

WALLETS = """
CREATE TABLE bench_wallet AS
SELECT id AS wallet, account_id AS account, CASE account_id WHEN %s THEN %s ELSE %s END AS entries,
  CASE WHEN account_id = ANY(%s) THEN 0.2 ELSE 1 END AS used_until
FROM billing_wallet WHERE account_id = ANY(%s)
"""
BOUGHT = """
CREATE TABLE bench_bought AS
SELECT wallet, account, entries, j, row_number() OVER () AS n, gen_random_uuid() AS uuid,
  now() - interval '1 day' * (entries / 50 - j) - interval '1 hour' AS at
FROM bench_wallet, generate_series(1, entries / 50) AS j
"""
GRANTS = """
INSERT INTO billing_grant (wallet_id, ref, amount, remaining, withdrawn, created_at)
SELECT wallet, 'plan:order:' || uuid, 5000,
  LEAST(GREATEST(entries / 50 * 100 - (entries / 50 - j) * 5000, 0), 5000), 0, at
FROM bench_bought
"""
# In the order of life: the wallets take turns, so the rows of one lie far apart.
ENTRIES = """
INSERT INTO billing_ledgerentry
  (wallet_id, kind, ref, amount, balance_after, debt_change, debt_after, at)
SELECT wallet, CASE k % 50 WHEN 1 THEN 'grant' ELSE 'spend' END, 'bench:' || wallet || ':' || k,
  CASE k % 50 WHEN 1 THEN 5000 ELSE -100 END,
  (k - 1) / 50 * 100 + 5000 - (k - 1) % 50 * 100, 0, 0,
  now() - interval '1 day' * (2 - k * used_until / entries)
FROM bench_wallet, generate_series(1, entries) AS k
ORDER BY k * used_until / entries, wallet, k
"""
BALANCES = """
UPDATE billing_wallet SET balance = entries / 50 * 100 FROM bench_wallet WHERE wallet = id
"""


def clone(table: str, row: int, values: dict[str, str]) -> None:
    """Copy a row once for every purchase; `values` are expressions for what differs."""
    with connection.cursor() as cursor:
        names = [one.name for one in connection.introspection.get_table_description(cursor, table)]
        names.remove("id")
        chosen = ", ".join(values.get(name, f'old."{name}"') for name in names)
        columns = ", ".join(f'"{name}"' for name in names)
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {chosen} FROM {table} old, bench_bought b"
            " WHERE old.id = %s ORDER BY b.n",
            [row],
        )


@transaction.atomic
def fill(account: Account, quiet: list[Account]) -> None:
    """Write the million rows."""
    others = [Account(name="bench of many") for _ in range(OTHERS - len(quiet))]
    Account.objects.bulk_create(others)
    Wallet.objects.bulk_create([Wallet(account=one) for one in (account, *quiet, *others)])
    with connection.cursor() as cursor:
        still = [one.pk for one in quiet]
        all_ = [account.pk, *still, *(one.pk for one in others)]
        cursor.execute(WALLETS, [account.pk, LONG, SHORT, still, all_])
        cursor.execute(BOUGHT)
        buy_all()
        for statement in (GRANTS, ENTRIES, BALANCES):
            cursor.execute(statement)


def buy_all() -> None:
    """Write order, payment and delivery of every purchase."""
    paid = Payment.objects.filter(order__offer__code="bench-coins", state="succeeded").first()
    assert paid is not None
    order = {"uuid": "b.uuid", "account_id": "b.account", "created_at": "b.at", "paid_at": "b.at"}
    order |= {"idempotency_key": "'bench:' || b.n", "checkout_ref": "'cs_bench_' || b.n"}
    clone(Order._meta.db_table, paid.order_id, order)
    of = "(SELECT id FROM billing_order o WHERE o.uuid = b.uuid)"
    payment = {"order_id": of, "ref": "'pi_bench_' || b.n", "created_at": "b.at"}
    clone(Payment._meta.db_table, paid.pk, payment | {"succeeded_at": "b.at"})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE billing_payment")  # or its plan is one for a few rows
    bought = (
        "(SELECT id FROM billing_payment p WHERE gateway = 'stripe' AND ref = 'pi_bench_' || b.n)"
    )
    fulfilment = {"order_id": of, "payment_id": bought, "created_at": "b.at"}
    delivered = Fulfilment.objects.get(payment=paid)
    clone(
        Fulfilment._meta.db_table, delivered.pk, fulfilment | {"dedupe_key": "'order:' || b.uuid"}
    )


def session_of(user: User) -> str:
    """Return the cookie of somebody who has signed in."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def seconds(work: Callable[[], object]) -> float:
    """Return the median of a few runs."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return median(found)


def prove() -> None:
    """Check everything. Nothing may be wrong, or the figures mean nothing."""
    found = ledgers.problems()
    if found:
        raise SystemExit(f"the ledger does not add up: {found[0]}")


def count_all() -> int:
    """Count the ledger."""
    return LedgerEntry.objects.count()


def holder(name: str) -> tuple[User, Account]:
    """Return somebody with an account."""
    user = User.objects.create_user(email=f"{name}@people.example.org", password=None)
    return user, signup.personal_account(user)


def quiet_accounts(user: User) -> list[Account]:
    """Return accounts that somebody is a member of beside their own."""
    found = [Account.objects.create(name="bench of many") for _ in range(QUIET)]
    for account in found:
        Membership.objects.create(account=account, user=user, role=Role.OWNER)
    return found


def main() -> None:
    """Fill, measure, write down."""
    (user, account), (member, own) = holder("holder"), holder("member")
    entitlements.give(
        account,
        {"campaigns.generations": 2_000_000_000},
        source="bench",
        valid_from=timezone.now(),
        valid_to=None,
    )
    began = time.perf_counter()
    fill(account, [own, *quiet_accounts(member)])
    filled = time.perf_counter() - began
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    hundredth = LedgerEntry.objects.filter(wallet__account=account).order_by("-pk")[99 * PAGE - 1]
    found = {
        "account": account.pk,
        "sessions": [session_of(user), session_of(member)],
        "before": hundredth.pk,
        "rows": [count_all(), Wallet.objects.count(), Grant.objects.count()],
        "filled": filled,
        "count": seconds(count_all),
        "prove": seconds(prove),
    }
    Path(sys.argv[1]).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
