"""200 stories of a subscription, told by Stripe in any order: all end as the one told in order.

An event only says that something happened, so it may come before what follows, long after it, or
twice. Each story is told in order once, and then with its events shuffled, repeated, and delivered
while later things have not happened yet.
"""

import math
import random
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from accounts.flows import signup
from accounts.models import Account
from billing.flows import checkout, entitlements, events, ledgers, prices
from billing.gateways.stripe import Stripe
from billing.models import (
    Dispute,
    Entitlement,
    Invoice,
    Offer,
    Payment,
    Refund,
    Subscription,
    Wallet,
)
from tests.fakes.stripe import World, with_stripe

__all__ = ["with_stripe"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.stories,
]

HOUR = timedelta(hours=1)
STORIES = 200
numbers = count(1)
Event = dict[str, Any]
Dump = dict[str, Any]
Step = Callable[[], object]


# What the manual tells to subscribe to; the others say nothing that these do not.
HEARD = ("checkout.session.", "invoice.paid", "invoice.payment_failed", "customer.subscription.")
HEARD += ("charge.refunded", "refund.", "charge.dispute.")


@dataclass(frozen=True)
class Plot:
    """What differs between two stories."""

    offer: str
    other: str  # the plan it is changed to; empty: bought once
    won: bool  # how the dispute ends
    end: str  # of a plan; or how it is paid, where it is bought once


PLANS = (
    ("writing-lite-monthly", "writing-pro-monthly"),
    ("prompts-basic-monthly", "prompts-pro-monthly"),
    ("campaigns-starter", "campaigns-professional"),
)
ENDS = (
    *((True, "none"), (False, "none"), (True, "cancelled")),
    *((False, "at the end"), (True, "given up")),
)
ONCE = ("writing-topup-50", "prompts-basic")
PLOTS = [
    *(Plot(*plan, won, end) for plan in PLANS for won, end in ENDS),
    *(Plot(code, "", won, end) for code in ONCE for won, end in ((True, "later"), (False, ""))),
]


class Story:
    """One account, what it buys, and what becomes of it; each step makes events."""

    def __init__(self, world: World, plot: Plot, *, deaf: bool = True) -> None:
        self.world = world
        self.plot = plot
        self.deaf = deaf
        self.email = f"teller-{next(numbers)}@people.example.org"
        self.told = len(world.events)

    def steps(self) -> Iterator[Step]:
        """Yield what happens, one after the other."""
        self.account = signup.guest_account(self.email)
        session = self._page(self.plot.offer)
        if self.plot.other:
            yield lambda: self.world.pay(session)
            paid = yield from self._plan(str(self.world.objects[session]["subscription"]))
        else:
            yield lambda: self.world.decline(session)
            if self.plot.end == "later":
                yield lambda: self.world.pay_later(session)
                yield lambda: self.world.arrive(session)
            else:
                yield lambda: self.world.pay(session)
            paid = self._intent()
            yield lambda: self.world.refund_in_dashboard(paid, 30)
        yield from self._dispute(paid)

    def _plan(self, ref: str) -> Generator[Step, None, str]:
        """Yield what happens to a subscription; return a payment of it."""
        world, bill = self.world, list[Any]()
        yield lambda: world.renew(ref)
        first = self._intent()
        yield lambda: bill.append(world.renew(ref, paid=False))
        yield lambda: world.pay_invoice(bill[0]["id"])
        yield lambda: world.change_price(ref, self._price())
        yield lambda: world.renew(ref)
        last = self._intent()
        yield lambda: world.refund_in_dashboard(last, 300)
        if self.plot.end == "cancelled":
            yield lambda: world.cancel(ref)
        elif self.plot.end == "at the end":
            yield lambda: world.cancel(ref, at_period_end=True)
            yield lambda: world.renew(ref)
        elif self.plot.end == "given up":
            yield lambda: world.renew(ref, paid=False)
            yield lambda: world.give_up(ref, "canceled")
        return first

    def _dispute(self, payment: str) -> Iterator[Step]:
        opened: list[Any] = []
        yield lambda: opened.append(self.world.dispute(payment))
        end = self.world.win if self.plot.won else self.world.lose
        yield lambda: end(opened[0]["id"])

    def new_events(self) -> list[Event]:
        """Return what happened since this was asked last."""
        found = self.world.events[self.told :]
        self.told = len(self.world.events)
        return [one for one in found if not self.deaf or one["type"].startswith(HEARD)]

    def _page(self, code: str) -> str:
        order = checkout.place(
            Offer.objects.get(code=code),
            account=self.account,
            buyer={"email": self.email, "country": "US"},
            idempotency_key="story",
        )
        checkout.start(order)

        return str(order.checkout_ref)

    def _price(self) -> str:
        offer = Offer.objects.get(code=self.plot.other)
        return str(offer.price.at_gateways.get(gateway="stripe").ref)

    def _intent(self) -> str:
        """Return what paid the latest invoice."""
        return str(self.world.all("payment_intent")[0]["id"])


def deliver(world: World, told: list[Event]) -> None:
    """Apply what each event is about. No inbox here: it would keep the repeats from us."""
    for event in told:
        for kind, ref in Stripe().parse_event(world.payload(event)).about:
            events.apply("stripe", kind, ref)


def forget(world: World) -> None:
    """Let the fake forget a story that is over: it looks through all that it has at each call."""
    kept = ("account", "product", "price")
    world.objects = {ref: one for ref, one in world.objects.items() if one["object"] in kept}
    world.events.clear()


@contextmanager
def telling(story: Story) -> Iterator[Iterator[list[Event]]]:
    """Let the story begin: the events of each of its steps."""
    # Rolled back in the end, so that each story has the database to itself.
    with transaction.atomic(), time_machine.travel(timezone.now()) as clock:
        yield _news(story, clock)
        assert ledgers.problems() == []
        transaction.set_rollback(True)
    forget(story.world)


def _news(story: Story, clock: time_machine.Traveller) -> Iterator[list[Event]]:
    for step in story.steps():
        step()
        clock.shift(story.world.ahead)  # our clock goes with Stripe's
        story.world.ahead = 0
        yield story.new_events()


def tell_in_order(story: Story) -> Dump:
    """Deliver each event once, right after it happened."""
    with telling(story) as news:
        for happened in news:
            deliver(story.world, happened)
        return dump(story.account)


def tell_shuffled(story: Story, chance: random.Random) -> Dump:
    """Deliver events whenever, in any order, some of them twice; at last whatever is left."""
    waiting: list[Event] = []
    late = chance.random()  # how much of a story comes only when it is over
    with telling(story) as news:
        for happened in news:
            waiting += happened
            chance.shuffle(waiting)
            now = int(len(waiting) * chance.random() * (1 - late))
            deliver(story.world, waiting[:now])
            waiting = waiting[now:] + chance.sample(waiting[:now], now // 5)
        waiting += chance.sample(waiting, len(waiting) // 5)
        chance.shuffle(waiting)
        deliver(story.world, waiting)
        return dump(story.account)


def dump(account: Account) -> Dump:
    """Return what an account came to, without ids and without the time of day."""
    wallet = Wallet.objects.filter(account=account).first()
    payments = Payment.objects.filter(order__account=account)
    papers = Invoice.objects.filter(order__account=account)
    subscription = Subscription.objects.filter(account=account).first()
    end = subscription.period_end if subscription else account.orders.get().paid_at
    assert end
    return {
        "orders": [row.state for row in account.orders.all()],
        "payments": sorted((row.state, row.amount, row.refunded) for row in payments),
        "refunds": sorted(
            Refund.objects.filter(payment__in=payments).values_list("state", "amount")
        ),
        "disputes": list(Dispute.objects.filter(payment__in=payments).values_list("state")),
        "plan": subscription and plan_of(subscription),
        "coins": wallet and (wallet.balance, wallet.debt),
        "features": entitlements.all_of(account),
        "until": sorted(
            (row.feature, row.valid_to and round((row.valid_to - end) / HOUR))
            for row in Entitlement.objects.valid().filter(account=account)
        ),
        "key": key_of(account, end),
        "papers": sorted((row.kind, row.total, row.issued_by) for row in papers),
    }


def plan_of(subscription: Subscription) -> tuple[Any, ...]:
    """Return where a subscription stands, and whether it is late."""
    late = subscription.overdue_since is not None
    return subscription.state, subscription.price.offer.code, late, subscription.runs


def key_of(account: Account, end: datetime) -> tuple[Any, ...] | None:
    """Return the key that can still be claimed; None where it is over or never was."""
    plan = account.key_plans.filter(expires_at__gt=timezone.now(), withdrawn_at=None).first()
    if plan is None:
        return None
    return plan.plan, plan.daily_limit, round((plan.expires_at - end) / HOUR)


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: "-".join(map(str, astuple(plot))))
def test_stories_told_in_any_order_end_as_the_one_told_in_order(
    with_stripe: World, offers: dict[str, Offer], caplog: pytest.LogCaptureFixture, plot: Plot
) -> None:
    caplog.set_level("WARNING", "stripe")  # which else writes two lines for each call
    prices.sync()
    expected = tell_in_order(Story(with_stripe, plot))
    begin = random.randrange(1_000_000)
    wrong = []
    for number in range(math.ceil(STORIES / len(PLOTS))):
        chance = random.Random(begin + number)  # noqa: S311 - no secret
        found = tell_shuffled(Story(with_stripe, plot, deaf=number % 10 > 0), chance)
        wrong += [
            f"seed {begin + number}: {name} is {found[name]}, not {wanted}"
            for name, wanted in expected.items()
            if found[name] != wanted
        ]
    assert not wrong, "\n".join(wrong)
