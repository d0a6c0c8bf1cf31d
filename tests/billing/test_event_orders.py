"""200 stories of a subscription, told by Stripe in any order: all end as the one told in order.

An event only says that something happened, so it may come before what follows, long after it, or
twice. Each story is told in order once, and then with its events shuffled, repeated, and delivered
while later things have not happened yet.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from celery import current_app
from django.utils import timezone

from accounts.flows import signup
from accounts.models import Account
from billing.flows import checkout, entitlements, inbox, ledgers, prices
from billing.models import (
    Dispute,
    Entitlement,
    InboxEvent,
    Invoice,
    Offer,
    Order,
    Payment,
    Refund,
    Subscription,
    Wallet,
)
from tests.fakes.stripe import World, with_stripe

__all__ = ["with_stripe"]
pytestmark = [pytest.mark.slow, pytest.mark.services]

STORIES = int(__import__('os').environ.get('STORIES','200'))
numbers = count(1)
Event = dict[str, Any]
Dump = dict[str, Any]


@dataclass(frozen=True)
class Plot:
    """What differs between two stories."""

    offer: str
    other: str  # the plan it is changed to
    won: bool  # how the dispute ends
    ended: bool  # whether the plan is cancelled in the end


PLANS = (
    ("writing-lite-monthly", "writing-pro-monthly"),
    ("prompts-basic-monthly", "prompts-pro-monthly"),
    ("campaigns-starter", "campaigns-professional"),
)
PLOTS = [
    Plot(offer, other, won, ended)
    for offer, other in PLANS
    for won in (True, False)
    for ended in (True, False)
]


class Story:
    """One account, what it buys, and what becomes of it; each step makes events."""

    def __init__(self, world: World, plot: Plot) -> None:
        self.world = world
        self.plot = plot
        self.email = f"teller-{next(numbers)}@people.example.org"
        self.account = signup.guest_account(self.email)
        self.told = len(world.events)

    def steps(self) -> Iterator[Callable[[], object]]:
        """Yield what happens, one after the other."""
        world = self.world
        session = self._page(self.plot.offer)
        yield lambda: world.pay(session)
        ref = str(world.objects[session]["subscription"])
        yield lambda: world.renew(ref)
        first = self._intent()
        bill: list[Any] = []
        yield lambda: bill.append(world.renew(ref, paid=False))
        yield lambda: world.pay_invoice(bill[0]["id"])
        yield lambda: world.change_price(ref, self._price())
        yield lambda: world.renew(ref)
        last = self._intent()
        yield lambda: world.refund_in_dashboard(last, 300)
        dispute: list[Any] = []
        yield lambda: dispute.append(world.dispute(first))
        end = world.win if self.plot.won else world.lose
        yield lambda: end(dispute[0]["id"])
        if self.plot.ended:
            yield lambda: world.cancel(ref)

    def new_events(self) -> list[Event]:
        """Return what happened since this was asked last."""
        found = self.world.events[self.told :]
        self.told = len(self.world.events)
        return found

    def _page(self, code: str) -> str:
        order = checkout.place(
            Offer.objects.get(code=code),
            account=self.account,
            buyer={"email": self.email, "country": "US"},
            idempotency_key="story",
        )
        checkout.start(order)
        self.order = order
        return str(order.checkout_ref)

    def _price(self) -> str:
        offer = Offer.objects.get(code=self.plot.other)
        return str(offer.price.at_gateways.get(gateway="stripe").ref)

    def _intent(self) -> str:
        """Return what paid the latest invoice."""
        return str(self.world.all("payment_intent")[0]["id"])


def deliver(world: World, events: list[Event]) -> None:
    """Take events in and work on each."""
    for event in events:
        body = world.payload(event)
        inbox.receive("stripe", body, {"Stripe-Signature": world.sign(body)})
        inbox.work(InboxEvent.objects.get(event_id=event["id"]).pk)


def tell_in_order(story: Story) -> Dump:
    """Deliver each event once, right after it happened."""
    for step in story.steps():
        step()
        deliver(story.world, story.new_events())
    return dump(story.account)


def tell_shuffled(story: Story, chance: random.Random) -> Dump:
    """Deliver events whenever, in any order, some of them twice; at last whatever is left."""
    waiting: list[Event] = []
    late = chance.random()  # how much of a story comes only when it is over
    for step in story.steps():
        step()
        waiting += story.new_events()
        chance.shuffle(waiting)
        now = int(len(waiting) * chance.random() * (1 - late))
        deliver(story.world, waiting[:now])
        waiting = waiting[now:] + chance.sample(waiting[:now], now // 3)
    again = chance.sample(waiting, len(waiting) // 3)
    waiting += again
    chance.shuffle(waiting)
    deliver(story.world, waiting)
    return dump(story.account)


def dump(account: Account) -> Dump:
    """Return what an account came to, without ids and without the time of day."""
    subscription = Subscription.objects.get(account=account)
    wallet = Wallet.objects.filter(account=account).first()
    payments = Payment.objects.filter(order__account=account)
    papers = Invoice.objects.filter(order__account=account)
    return {
        "orders": [row.state for row in Order.objects.filter(account=account)],
        "payments": sorted((row.state, row.amount, row.refunded) for row in payments),
        "refunds": sorted(
            Refund.objects.filter(payment__in=payments).values_list("state", "amount")
        ),
        "disputes": list(Dispute.objects.filter(payment__in=payments).values_list("state")),
        "subscription": (
            subscription.state,
            subscription.price.offer.code,
            subscription.overdue_since,
        ),
        "coins": wallet and (wallet.balance, wallet.debt),
        "features": entitlements.all_of(account),
        "until": ends_of(account, subscription),
        "key": key_of(account, subscription),
        "papers": sorted((row.kind, row.total, row.issued_by) for row in papers),
    }


def ends_of(account: Account, subscription: Subscription) -> list[timedelta | None]:
    """Return how long the features last beyond the period that is paid for."""
    valid = Entitlement.objects.valid().filter(account=account)
    assert subscription.period_end
    return [row.valid_to and row.valid_to - subscription.period_end for row in valid]


def key_of(account: Account, subscription: Subscription) -> tuple[Any, ...] | None:
    """Return the key that can still be claimed; None where it is over or never was."""
    assert subscription.period_end
    plan = account.key_plans.filter(expires_at__gt=timezone.now()).first()
    if plan is None:
        return None
    return plan.plan, plan.daily_limit, plan.withdrawn_at, plan.expires_at - subscription.period_end


@pytest.fixture
def rings_go_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody works but this test: rings and copies for reading stay in a broker in memory."""
    monkeypatch.setattr(current_app.conf, "task_always_eager", False)
    monkeypatch.setattr(current_app.conf, "broker_url", "memory://")


def test_200_stories_told_in_any_order_end_as_those_told_in_order(
    with_stripe: World, offers: dict[str, Offer], rings_go_nowhere: None
) -> None:
    prices.sync()
    expected = {plot: tell_in_order(Story(with_stripe, plot)) for plot in PLOTS}
    begin = random.randrange(1_000_000)
    wrong = []
    for number in range(STORIES):
        seed, plot = begin + number, PLOTS[number % len(PLOTS)]
        chance = random.Random(seed)  # noqa: S311 - no secret
        found = tell_shuffled(Story(with_stripe, plot), chance)
        wrong += [
            f"seed {seed}, {plot}: {name} is {found[name]}, not {wanted}"
            for name, wanted in expected[plot].items()
            if found[name] != wanted
        ]
    assert not wrong, "\n".join(wrong)
    assert ledgers.problems() == []
