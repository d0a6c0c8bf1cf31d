"""Credits: coins are given, held, spent, taken back and expire. Whole hundredths of a coin.

Every verb locks the wallet, sees whether its reference was used before, and writes everything in
one transaction: it may be called at once from anywhere, and again after a crash at any point.
"""

from datetime import datetime, timedelta

import structlog
from celery import shared_task
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from accounts.flows.audit import audited
from accounts.models import Account, User
from billing.errors import BillingError
from billing.flows import wallets
from billing.flows.wallets import Kind
from billing.models import Adjustment, Grant, Hold, HoldPart, HoldState, LedgerEntry, Wallet

log = structlog.get_logger(__name__)

COIN = 100  # hundredths
HOLD_FOR = timedelta(hours=1)


def wallet_of(account: Account) -> Wallet:
    """Return the account's wallet; the first call makes it."""
    return wallets.of(account)


def spendable(wallet: Wallet) -> int:
    """Return what can be spent now: the balance without what is over but not yet swept."""
    over = Grant.objects.overdue().filter(wallet=wallet).aggregate(sum=Sum("remaining"))["sum"]
    return wallet.balance - (over or 0)


def history(wallet: Wallet) -> QuerySet[LedgerEntry]:
    """Return the wallet's entries, the newest first."""
    return LedgerEntry.objects.filter(wallet=wallet).order_by("-pk")


def grant(
    account: Account, amount: int, *, ref: str, expires_at: datetime | None = None
) -> LedgerEntry | None:
    """Give coins once per `ref`; a debt is paid from them first. None: they were given before.

    Raises BillingError where another wallet was given something under this reference.
    """
    _positive(amount)
    wallet = wallet_of(account)
    with transaction.atomic():
        wallet = wallets.lock(wallet.pk)
        earlier = Grant.objects.filter(ref=ref).first()
        if earlier is not None:
            wallets.check_owner(earlier, wallet)
            return None
        return wallets.add(
            wallet,
            amount,
            kind=Kind.GRANT,
            entry_ref=f"grant:{ref}",
            grant_ref=ref,
            expires_at=expires_at,
        )


def hold(account: Account, amount: int, *, ref: str, expires_at: datetime | None = None) -> Hold:
    """Set coins aside for work under way, once per `ref`; after an hour they come back by itself.

    The same reference returns the same hold, settled ones too: look at its state. Raises NotEnough
    (also while a debt is open), and BillingError where the reference was used for another wallet or
    another amount.
    """
    _positive(amount)
    wallet = wallet_of(account)
    with transaction.atomic():
        wallet = wallets.lock(wallet.pk)
        earlier = Hold.objects.filter(ref=ref).first()
        if earlier is not None:
            wallets.check_owner(earlier, wallet)
            _same_amount(earlier.amount, amount)
            return earlier
        wallets.sweep(wallet)
        wallets.change(wallet, Kind.HOLD, f"hold:{ref}", -amount, spending=True)
        held = Hold.objects.create(
            wallet=wallet,
            ref=ref,
            amount=amount,
            expires_at=expires_at or timezone.now() + HOLD_FOR,
        )
        HoldPart.objects.bulk_create(
            HoldPart(hold=held, grant=source, amount=part)
            for source, part in wallets.take(wallet, amount)
        )
    return held


def capture(hold_ref: str, amount: int) -> Hold:
    """Spend `amount` of a hold and give the rest back. Capturing twice changes nothing.

    Raises BillingError for an unknown hold, one that was given back, or more than it holds.
    """
    held = _find(hold_ref)
    if not 0 <= amount <= held.amount:
        raise BillingError(
            "capture_too_much",
            f"{wallets.in_coins(held.amount)} coins are set aside for this, not "
            f"{wallets.in_coins(amount)}.",
        )
    held = _settle(held, HoldState.CAPTURED, spent=amount)
    if held.state == HoldState.RELEASED:
        raise BillingError("hold_released", "The coins set aside for this were given back already.")
    return held


def release(hold_ref: str) -> Hold:
    """Give back what a hold set aside. One that is settled already stays as it is.

    Raises BillingError for an unknown hold.
    """
    return _settle(_find(hold_ref), HoldState.RELEASED, spent=0)


def _find(hold_ref: str) -> Hold:
    held = Hold.objects.filter(ref=hold_ref).first()
    if held is None:
        raise BillingError("hold_unknown", "No coins were set aside for this.")
    return held


def _settle(held: Hold, state: str, *, spent: int) -> Hold:
    """Move an open hold to its end; return it as it stands then, whoever settled it."""
    with transaction.atomic():
        wallet = wallets.lock(held.wallet_id)
        if held.move(state, captured=spent, settled_at=timezone.now()):
            wallets.put_back(wallet, held, held.amount - spent)
        else:
            held.refresh_from_db()
    return held


def spend(account: Account, amount: int, *, ref: str) -> LedgerEntry:
    """Spend coins at once, once per `ref`; the same again returns the earlier entry.

    Raises NotEnough (also while a debt is open), and BillingError where the reference was used for
    another wallet or another amount.
    """
    _positive(amount)
    wallet = wallet_of(account)
    with transaction.atomic():
        wallet = wallets.lock(wallet.pk)
        earlier = LedgerEntry.objects.filter(ref=f"spend:{ref}").first()
        if earlier is not None:
            wallets.check_owner(earlier, wallet)
            _same_amount(-earlier.amount, amount)
            return earlier
        wallets.sweep(wallet)
        entry = wallets.change(wallet, Kind.SPEND, f"spend:{ref}", -amount, spending=True)
        wallets.take(wallet, amount)
    return entry


def take_back(ref: str, amount: int | None = None) -> int:
    """Take back up to `amount` (all without) of the coins given for `ref`, in total over all calls.

    What is unspent leaves the balance; what is spent or held becomes a debt; what expired unused is
    forgiven. Returns how much more was taken back now: 0 for an unknown reference.
    """
    found = Grant.objects.filter(ref=ref).values_list("wallet_id", flat=True).first()
    if found is None:
        return 0
    with transaction.atomic():
        wallet = wallets.lock(found)
        source = Grant.objects.get(ref=ref)
        total = source.amount if amount is None else min(amount, source.amount)
        more = total - source.withdrawn
        if more <= 0:
            return 0
        unspent = min(source.remaining, more)
        owed = more - unspent
        if owed:
            owed -= min(owed, wallets.forgiven(source))
        if unspent or owed:
            entry_ref = f"take_back:{source.pk}:{total}"
            wallets.change(wallet, Kind.TAKE_BACK, entry_ref, -unspent, debt=owed)
        Grant.objects.filter(pk=source.pk).update(
            remaining=source.remaining - unspent, withdrawn=total
        )
    return more


@audited("billing.adjust", "balance", "debt")
def adjust(wallet: Wallet, amount: int, *, actor: User, reason: str) -> Adjustment:
    """Correct a wallet by hand; coins added pay a debt first. Never below zero.

    Raises NotEnough, and AccountsError without a reason.
    """
    if not amount:
        raise BillingError("nothing_to_do", "Say how many coins to add or to take away.")
    wallet = wallets.lock(wallet.pk)
    row = Adjustment.objects.create(
        wallet=wallet, amount=amount, reason=reason.strip()[:300], author=actor
    )
    ref = f"adjust:{row.pk}"
    if amount > 0:
        wallets.add(wallet, amount, kind=Kind.ADJUST, entry_ref=ref, grant_ref=ref)
    else:
        wallets.sweep(wallet)
        wallets.change(wallet, Kind.ADJUST, ref, amount)
        wallets.take(wallet, -amount)
    return row


@shared_task
def expire() -> int:
    """Remove what is left of grants that are over; return how many. One fault stops nothing."""
    swept = 0
    overdue = Grant.objects.overdue().order_by().values_list("wallet_id", flat=True).distinct()
    for wallet_id in list(overdue):
        try:
            with transaction.atomic():
                swept += wallets.sweep(wallets.lock(wallet_id))
        except Exception:
            log.exception("grants_not_expired", wallet=wallet_id)
    return swept


@shared_task
def release_expired() -> int:
    """Give back the coins of holds nobody settled in time; return how many were looked at."""
    overdue = Hold.objects.filter(state=HoldState.OPEN, expires_at__lte=timezone.now())
    refs = list(overdue.values_list("ref", flat=True))
    for ref in refs:
        try:
            release(ref)
        except Exception:
            log.exception("hold_not_released", hold=ref)
    return len(refs)


def _same_amount(earlier: int, amount: int) -> None:
    if earlier != amount:
        raise BillingError("ref_used", "This reference was used for another amount.")


def _positive(amount: int) -> None:
    if amount <= 0:
        raise ValueError("Coins come in positive amounts.")
