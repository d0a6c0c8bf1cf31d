"""The inside of a wallet: every change of coins, under the lock of its row.

What always holds: the balance is the sum of the ledger, and the sum of what is left of all grants,
expired ones that are not swept yet included. Only `billing.flows.credits` calls this.
"""

from datetime import datetime

from django.db.models import F, QuerySet, Sum

from accounts.models import Account
from billing.errors import BillingError, NotEnough
from billing.models import Grant, Hold, HoldPart, LedgerEntry, Wallet
from common import faults

Kind = LedgerEntry.Kind
Part = tuple[Grant, int]  # so many hundredths of this grant
AT_ONCE = 100  # grants read at a time


def in_coins(amount: int) -> str:
    """Return hundredths as people write coins: 150 is 1.50, 200 is 2."""
    return f"{amount / 100:.2f}".removesuffix(".00")


def of(account: Account) -> Wallet:
    """Return the account's wallet; the first call makes it."""
    return Wallet.objects.get_or_create(account=account)[0]


def lock(wallet_id: int) -> Wallet:
    """Take a wallet until the transaction ends: who comes second waits here, then reads anew."""
    return Wallet.objects.select_for_update().get(pk=wallet_id)


def check_owner(row: Grant | Hold | LedgerEntry, wallet: Wallet) -> None:
    """Refuse a reference that another wallet has used. Raises BillingError."""
    if row.wallet_id != wallet.pk:
        raise BillingError("ref_used", "This reference belongs to somebody else's coins.")


def change(
    wallet: Wallet, kind: str, ref: str, amount: int, *, debt: int = 0, spending: bool = False
) -> LedgerEntry:
    """Change a locked wallet by one conditional UPDATE and write the ledger row beside it.

    Raises NotEnough where the balance would fall below zero or, for `spending`, a debt is open.
    """
    rows = Wallet.objects.filter(pk=wallet.pk, balance__gte=-amount, debt__gte=-debt)
    if spending:
        rows = rows.filter(debt=0)
    if not rows.update(balance=F("balance") + amount, debt=F("debt") + debt):
        raise _refusal(wallet, -amount, spending=spending)
    faults.point("balance_before_entry")
    wallet.refresh_from_db(fields=["balance", "debt"])
    return LedgerEntry.objects.create(
        wallet=wallet,
        kind=kind,
        ref=ref,
        amount=amount,
        balance_after=wallet.balance,
        debt_change=debt,
        debt_after=wallet.debt,
    )


def _refusal(wallet: Wallet, needed: int, *, spending: bool) -> NotEnough:
    if spending and wallet.debt:
        return NotEnough(
            "wallet_frozen",
            f"{in_coins(wallet.debt)} coins were spent and then paid back to you, so nothing can "
            "be spent for now. Your next coins settle that first.",
            balance=wallet.balance,
            needed=needed,
            debt=wallet.debt,
        )
    return NotEnough(
        "not_enough",
        f"This needs {in_coins(needed)} coins, and {in_coins(wallet.balance)} are left.",
        balance=wallet.balance,
        needed=needed,
    )


def take(wallet: Wallet, amount: int) -> list[Part]:
    """Take coins that left the balance out of the grants, those that expire first, first.

    The caller has swept the wallet, so no grant found here is overdue.
    """
    left = Grant.objects.filter(wallet=wallet, remaining__gt=0).order_by(
        F("expires_at").asc(nulls_last=True), "pk"
    )
    parts: list[Part] = []
    while amount:
        grants = list(left[:AT_ONCE])
        if not grants:
            raise RuntimeError(f"Wallet {wallet.pk} has fewer coins in its grants than it says.")
        for grant in grants:
            part = min(amount, grant.remaining)
            _add_to(grant, -part)
            parts.append((grant, part))
            amount -= part
            if not amount:
                break
    return parts


def _add_to(grant: Grant, amount: int) -> None:
    Grant.objects.filter(pk=grant.pk).update(remaining=F("remaining") + amount)


def sweep(wallet: Wallet) -> int:
    """Remove what is left of a locked wallet's overdue grants; return how many there were."""
    grants = list(Grant.objects.overdue().filter(wallet=wallet))
    for grant in grants:
        # What a hold gives back to a grant that is over expires once more, under its own number.
        times = _entries("expire", grant).count()
        change(wallet, Kind.EXPIRE, f"expire:{grant.pk}:{times + 1}", -grant.remaining)
        _add_to(grant, -grant.remaining)
    return len(grants)


def _entries(kind: str, grant: Grant) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.filter(
        wallet=grant.wallet_id, ref__startswith=f"{kind}:{grant.pk}:", kind=kind
    )


def add(
    wallet: Wallet,
    amount: int,
    *,
    kind: str,
    entry_ref: str,
    grant_ref: str,
    expires_at: datetime | None = None,
) -> LedgerEntry:
    """Add coins to a locked wallet; an open debt is paid from them at once."""
    entry = change(wallet, kind, entry_ref, amount)
    grant = Grant.objects.create(
        wallet=wallet, ref=grant_ref, amount=amount, remaining=amount, expires_at=expires_at
    )
    _pay_debt(wallet, [(grant, amount)], entry_ref)
    return entry


def _pay_debt(wallet: Wallet, parts: list[Part], cause: str) -> None:
    """Pay an open debt from coins that just came into a locked wallet."""
    payable = min(wallet.debt, sum(part for _, part in parts))
    if not payable:
        return
    change(wallet, Kind.PAY_DEBT, f"pay_debt:{cause}", -payable, debt=-payable)
    for grant, part in parts:
        paid = min(payable, part)
        if paid:
            _add_to(grant, -paid)
        payable -= paid


def put_back(wallet: Wallet, hold: Hold, amount: int) -> None:
    """Return a part of a hold to the grants it came from, those that last longest first.

    A debt is paid from it first; what came from a grant that is over by now expires.
    """
    if not amount:
        return
    ref = f"release:{hold.ref}"
    change(wallet, Kind.RELEASE, ref, amount)
    returned: list[Part] = []
    for part in HoldPart.objects.filter(hold=hold).select_related("grant").order_by("-pk"):
        back = min(amount, part.amount - part.returned)
        if back:
            HoldPart.objects.filter(pk=part.pk).update(returned=F("returned") + back)
            _add_to(part.grant, back)
            returned.insert(0, (part.grant, back))
        amount -= back
    _pay_debt(wallet, returned, ref)
    sweep(wallet)


def forgiven(grant: Grant) -> int:
    """Return how much of a grant expired unused and has not yet stood in for coins taken back."""
    expired = -(_entries("expire", grant).aggregate(sum=Sum("amount"))["sum"] or 0)
    taken = _entries("take_back", grant).aggregate(left=Sum("amount"), owed=Sum("debt_change"))
    stood_in = grant.withdrawn + (taken["left"] or 0) - (taken["owed"] or 0)
    return int(expired - stood_in)
