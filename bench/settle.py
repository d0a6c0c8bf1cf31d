"""Top-ups that are bought and paid at a fake Stripe, for `bench/billing.py` to settle.

`python -m bench.settle FILE NUMBER` writes what came of it into FILE: the events of all payments
but a few, and of those few how many SQL statements it takes to settle one.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

django.setup()

import requests  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from accounts.flows import signup  # noqa: E402
from bench import hooks  # noqa: E402
from billing.flows import checkout, inbox, mirror  # noqa: E402
from billing.models import InboxEvent, Offer, Order, Price  # noqa: E402

COUNTED = 5  # payments settled in this process
NAME = "bench-coins"


def sell() -> Offer:
    """Return the offer of coins."""
    offer = Offer.objects.create(
        code=NAME, kind="topup", product="writing", name="Coins", handler="billing.plan"
    )
    offer.price = Price.objects.create(offer=offer, amount=500, entitlement={"coins": 500})
    offer.published = True
    offer.save()
    return offer


def buy(offer: Offer, number: int) -> Order:
    """Place an order and open its payment page."""
    email = f"buyer-{number}@people.example.org"
    order = checkout.place(
        offer,
        account=signup.guest_account(email),
        buyer={"email": email, "country": "US"},
        idempotency_key=f"bench-{number}",
    )
    checkout.start(order)
    return order


def world(name: str, **values: object) -> Any:
    """Let something happen at the fake."""
    answer = requests.post(f"{settings.STRIPE_API_URL}/_world/{name}", json=values, timeout=60)
    answer.raise_for_status()
    return answer.json()


def pay(orders: list[Order]) -> list[dict[str, Any]]:
    """Pay on the pages of these orders; return the events this makes."""
    before = len(world("happened")["events"])
    for order in orders:
        world("pay", session=order.checkout_ref)
    found: list[dict[str, Any]] = world("happened")["events"][before:]
    return found


def statements(work: Callable[[], object]) -> int:
    """Return how many SQL statements something makes."""
    count = 0

    def wrapper(execute: Any, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        return execute(*arguments)

    with connection.execute_wrapper(wrapper):
        work()
    return count


def receive(event: dict[str, Any]) -> None:
    """Take an event in as the door does."""
    body = hooks.body_of(event)
    inbox.receive("stripe", body, {"Stripe-Signature": hooks.signature(body)})


def count(events: list[dict[str, Any]]) -> dict[str, float]:
    """Settle in this process; return statements per payment: at the door, money, the copy."""
    found = dict.fromkeys(("door", "money", "copy"), 0)
    for event in events:
        found["door"] += statements(lambda event=event: receive(event))
        row = InboxEvent.objects.get(event_id=event["id"])
        found["money"] += statements(lambda row=row: inbox.work(row.pk))
        found["copy"] += statements(lambda row=row: mirror.mirror(row.pk))
    return {name: number / COUNTED for name, number in found.items()}


def transactions(number: int) -> float:
    """Return how many transactions of two statements one process makes in a second."""
    began = time.perf_counter()
    for _ in range(number):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.execute("INSERT INTO bench_row (body) VALUES ('one')")
    return number / (time.perf_counter() - began)


def main() -> None:
    """Prepare, count, write down."""
    file, number = Path(sys.argv[1]), int(sys.argv[2])
    offer = sell()
    orders = [buy(offer, n) for n in range(number + COUNTED)]
    counted = count(pay(orders[:COUNTED]))
    if Order.objects.filter(state="paid").count() != COUNTED:
        raise SystemExit("the counted payments were not settled")
    events = pay(orders[COUNTED:])
    yardstick = transactions(number)
    file.write_text(
        json.dumps({"events": events, "statements": counted, "transactions": yardstick})
    )


if __name__ == "__main__":
    main()
