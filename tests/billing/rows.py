"""One row of every table of money, written directly: for pages that only show them."""

import itertools
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Account, User
from billing.models import (
    AccountUsage,
    Cost,
    Difference,
    Dispute,
    Entitlement,
    Fulfilment,
    Grant,
    Hold,
    InboxEvent,
    Invoice,
    KeyPlan,
    LedgerEntry,
    Offer,
    Order,
    Payment,
    Price,
    ReconciliationRun,
    Refund,
    RefundRequest,
    Seller,
    Subscription,
    TaxRate,
    Wallet,
)

LATER = timedelta(days=30)
numbers = itertools.count(1)


def everything(n: int, account: Account, user: User) -> Order:
    """Make one row of every table of money, all of one order."""
    made = order(n, account, user)
    below(made)
    wallet = Wallet.objects.create(account=account, balance=100)
    coins(wallet)
    Seller.objects.create(code=f"seller-{n}", name=f"Seller {n}")
    TaxRate.objects.create(country="DE", name=f"VAT {n}", basis_points=1900)
    Entitlement.objects.create(account=account, feature="campaigns.active", source=f"s:{n}")
    AccountUsage.objects.create(
        account=account, meter="campaigns.active", period_start=timezone.localdate(), used=n
    )
    ReconciliationRun.objects.create(gateway="sandbox", since=timezone.now(), left_open=1)
    Difference.objects.create(gateway="sandbox", kind="double", ref=f"pay_{n}", actual="twice")
    event(n)
    return made


def order(n: int, account: Account, user: User | None = None) -> Order:
    """Make an offer of its own and an order of it, with the plan of a key."""
    offer = Offer.objects.create(
        code=f"offer-{n}", kind="subscription", family=f"f-{n}", product="prompts", name=f"Plan {n}"
    )
    template = {"plan": "basic", "daily_limit": 50, "days": 30}
    offer.price = Price.objects.create(
        offer=offer, amount=4999, interval="month", entitlement=template
    )
    offer.handler = "billing.key"
    offer.save()
    made = Order.objects.create(
        account=account,
        author=user,
        offer=offer,
        price=offer.price,
        currency="USD",
        net=4999,
        total=4999,
        state="paid",
        buyer={"email": f"buyer{n}@example.org"},
        gateway="stripe",
        checkout_ref=f"cs_{n}",
        idempotency_key=f"row-{n}",
    )
    KeyPlan.objects.create(
        account=account,
        order=made,
        plan="basic",
        daily_limit=50,
        expires_at=timezone.now() + LATER,
        email=f"buyer{n}@example.org",
        claim_digest=f"{n:064}",
    )
    Subscription.objects.create(
        account=account,
        order=made,
        offer=offer,
        price=offer.price,
        family=offer.family,
        gateway="stripe",
        ref=f"sub_{n}",
        state="active",
    )
    return made


def below(row: Any) -> Payment:
    """Make a payment of an order, of a subscription, or beside a payment, and what follows it."""
    known = Order.objects.get(pk=row.order_id) if hasattr(row, "order_id") else row
    subscription = row if isinstance(row, Subscription) else None
    made = payment(str(next(numbers)), known, subscription)
    top = row if isinstance(row, Payment) else made
    Fulfilment.objects.create(
        dedupe_key=f"pay:{made.ref}",
        handler="billing.key",
        order=known,
        payment=top,
        subscription=subscription,
        state="failed",
        error="RuntimeError: broken on purpose",
    )
    refund = Refund.objects.create(payment=top, gateway="stripe", ref=f"re_{made.ref}", amount=100)
    RefundRequest.objects.create(refund=refund, state="failed", dedupe_key=f"refund:{made.ref}")
    Dispute.objects.create(payment=top, gateway="stripe", ref=f"dp_{made.ref}", amount=100)
    seller, _ = Seller.objects.get_or_create(code="house", defaults={"name": "House"})
    Invoice.objects.create(
        seller=seller,
        number=f"A-{made.ref}",
        order=known,
        payment=made,
        currency="USD",
        net=4999,
        tax=0,
        total=4999,
    )
    Cost.objects.create(
        account=known.account,
        order=known,
        product="prompts",
        provider="stripe",
        amount_micro=1_750_000,
        ref=f"fee:{made.ref}",
    )
    return made


def payment(ref: str, known: Order, subscription: Subscription | None = None) -> Payment:
    """Make a payment that succeeded."""
    return Payment.objects.create(
        order=known,
        subscription=subscription,
        gateway="stripe",
        ref=f"pi_{ref}",
        state="succeeded",
        amount=4999,
        currency="USD",
        succeeded_at=timezone.now(),
    )


def coins(wallet: Wallet) -> None:
    """Make a grant, a hold, an entry and nothing that adds up."""
    ref = f"row:{next(numbers)}"
    Grant.objects.create(wallet=wallet, ref=ref, amount=100, remaining=100)
    Hold.objects.create(wallet=wallet, ref=ref, amount=1, expires_at=timezone.now() + LATER)
    LedgerEntry.objects.create(
        wallet=wallet, kind="grant", ref=f"grant:{ref}", amount=100, balance_after=100
    )


def event(n: int, **values: Any) -> InboxEvent:
    """Make an event that was applied."""
    fields = {
        "gateway": "stripe",
        "event_id": f"evt_{n}",
        "dedupe_key": f"stripe:evt_{n}",
        "type": "payment_intent.succeeded",
        "about": f"pi_{n}",
        "body": '{"id": "evt", "data": {"object": {"client_secret": "pi_1_secret_door"}}}',
        "state": "succeeded",
        **values,
    }
    return InboxEvent.objects.create(**fields)
