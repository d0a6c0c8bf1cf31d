"""What the tests of deliveries need: something bought, paid and written down as to be delivered."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Account
from billing.models import (
    Fulfilment,
    Offer,
    Order,
    OrderState,
    Payment,
    PaymentState,
    Price,
    Subscription,
    SubscriptionState,
)

PRICE = 5000
numbers = itertools.count(1)


def offer(handler: str, template: dict[str, Any], *, recurring: bool = False) -> Offer:
    """An offer with a live price."""
    made = Offer.objects.create(
        code=f"offer-{next(numbers)}",
        kind=Offer.Kind.SUBSCRIPTION if recurring else Offer.Kind.ONE_OFF,
        family=f"family-{next(numbers)}" if recurring else "",
        product="writing",
        name="An offer",
        handler=handler,
    )
    made.price = Price.objects.create(
        offer=made, amount=PRICE, interval="month" if recurring else "", entitlement=template
    )
    made.save()
    return made


def order(account: Account, sold: Offer, *, target: str = "", tax: int = 0) -> Order:
    """A paid order."""
    assert sold.price is not None
    return Order.objects.create(
        account=account,
        offer=sold,
        price=sold.price,
        target=target,
        currency="USD",
        net=PRICE - tax,
        tax=tax,
        total=PRICE,
        buyer={"email": "buyer@example.org"},
        idempotency_key=str(next(numbers)),
        state=OrderState.PAID,
    )


def payment(bought: Order, subscription: Subscription | None = None, **columns: Any) -> Payment:
    """A payment that succeeded."""
    fields = {
        "gateway": "sandbox",
        "ref": f"pay_{next(numbers)}",
        "state": PaymentState.SUCCEEDED,
        "amount": bought.total,
        "tax": bought.tax,
        "currency": bought.currency,
        "succeeded_at": timezone.now(),
        **columns,
    }
    return Payment.objects.create(order=bought, subscription=subscription, **fields)


def subscription(bought: Order) -> Subscription:
    """A subscription that runs."""
    return Subscription.objects.create(
        account=bought.account,
        order=bought,
        offer=bought.offer,
        price=bought.price,
        family=bought.offer.family,
        gateway="sandbox",
        ref=f"sub_{next(numbers)}",
        state=SubscriptionState.ACTIVE,
    )


def delivery(
    bought: Order,
    *,
    paid: bool = True,
    subscription: Subscription | None = None,
    start: datetime | None = None,
    days: int = 30,
) -> Fulfilment:
    """What is to be delivered for an order, or for one period of a subscription."""
    if subscription is not None:
        start = start or timezone.now()
    return Fulfilment.objects.create(
        dedupe_key=f"bought:{next(numbers)}",
        handler=bought.offer.handler,
        order=bought,
        payment=payment(bought, subscription) if paid else None,
        subscription=subscription,
        entitlement=bought.price.entitlement,
        period_start=start,
        period_end=start + timedelta(days=days) if start else None,
    )


def undoing(
    delivered: Fulfilment,
    part: int = PRICE,
    *,
    cause: str = Fulfilment.Cause.REFUND,
) -> Fulfilment:
    """What is to be taken back of a delivery: `part` of the price was paid back so far."""
    lapse = cause == Fulfilment.Cause.LAPSE
    return Fulfilment.objects.create(
        dedupe_key=f"undone:{next(numbers)}",
        verb=Fulfilment.Verb.WITHDRAW,
        cause=cause,
        handler=delivered.handler,
        order=delivered.order,
        payment=delivered.payment,
        subscription=delivered.subscription,
        undoes=delivered,
        entitlement=delivered.entitlement,
        part=0 if lapse else part,
        whole=0 if lapse else PRICE,
    )
