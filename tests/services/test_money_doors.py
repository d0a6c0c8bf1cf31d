"""Money through real doors: parallel senders, gunicorn, workers and a Stripe, on both databases."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from tests.crash.servers import new_database
from tests.crash.shop import Event, Shop, shop_on, signed

pytestmark = [pytest.mark.slow, pytest.mark.services]

SENDERS = 16
DELIVERIES, AT_FIRST = 800, 300
BOUGHT = {"writing-topup-25": 25, "writing-lite-monthly": 10, "prompts-basic": 10}
PAID_BACK = {"writing-topup-50": 5}
COINS = {"writing-topup-25": 2500, "writing-lite-monthly": 2 * 50_000, "writing-topup-50": 0}


@pytest.fixture(scope="module", params=["PostgreSQL", "SQLite"])
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop with a running web server and two workers."""
    with ExitStack() as stack:
        postgres = request.param == "PostgreSQL"
        url = stack.enter_context(new_database()) if postgres else ""
        shop = stack.enter_context(shop_on(url))
        workers = [stack.enter_context(shop.worker(name=f"worker-{i}")) for i in range(2)]
        stack.enter_context(shop.web())
        for worker in workers:
            worker.wait_for("ready")
        yield shop
        for worker in workers:
            assert "locked" not in worker.text


def at_once(work: Callable[[Any, requests.Session], int], items: list[Any]) -> list[int]:
    """Do the work for each item in many threads, each with its own connection."""
    sessions = [requests.Session() for _ in range(SENDERS)]

    def one(numbered: tuple[int, Any]) -> int:
        number, item = numbered
        return work(item, sessions[number % SENDERS])

    with ThreadPoolExecutor(SENDERS) as pool:
        return list(pool.map(one, enumerate(items)))


def deliver(shop: Shop, events: list[Event], chance: random.Random) -> list[int]:
    """Post events in parallel, each after a little wait; return the answers."""
    waits = {event["id"]: chance.uniform(0, 0.05) for event in events}

    def post(event: Event, session: requests.Session) -> int:
        time.sleep(waits[event["id"]])
        body, signature = signed(event)
        answer = session.post(
            shop.url("stripe/webhook"),
            data=body,
            headers={"Stripe-Signature": signature},
            timeout=60,
        )
        return answer.status_code

    return at_once(post, events)


def test_800_shuffled_and_repeated_deliveries_of_50_payments_end_exactly_right(shop: Shop) -> None:
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)  # noqa: S311 - no secret
    pages = {
        code: shop.till.ask("open_pages", code, number)
        for code, number in {**BOUGHT, **PAID_BACK}.items()
    }
    for opened in pages.values():
        for _, page in opened:
            shop.stripe.do("pay", session=page)
    first = about_money(shop)
    with ThreadPoolExecutor(1) as pool:
        # While the first are delivered, plans are renewed and payments are paid back.
        early = pool.submit(deliver, shop, mixed(first, AT_FIRST, chance), chance)
        for subscription in shop.stripe.get("subscriptions?limit=100")["data"]:
            shop.stripe.do("renew", subscription=subscription["id"])
        for _, page in pages["writing-topup-50"]:
            session = shop.stripe.get(f"checkout/sessions/{page}")
            shop.stripe.do("refund_in_dashboard", payment=session["payment_intent"])
        codes = early.result()
    events = about_money(shop)
    codes += deliver(shop, rest(first, events, DELIVERIES - len(codes), chance), chance)
    assert Counter(codes) == {200: DELIVERIES}, seed
    shop.finish(queue="quick", seconds=120)
    assert shop.till.ask("problems") == [], seed
    everything_is_there(shop, pages, len(events), seed)


def about_money(shop: Shop) -> list[Event]:
    """Return the events that set something off; those of products and customers do not."""
    idle = ("product.", "price.", "customer.created", "customer.updated")
    return [event for event in shop.stripe.events() if not event["type"].startswith(idle)]


def mixed(events: list[Event], number: int, chance: random.Random) -> list[Event]:
    """Return so many of the events in any order, some of them twice or not at all."""
    return [chance.choice(events) for _ in range(number)]


def rest(
    first: list[Event], events: list[Event], number: int, chance: random.Random
) -> list[Event]:
    """Return all events in any order, and some of the first ones once more."""
    found = events + mixed(first, max(0, number - len(events)), chance)
    assert len(found) == number, f"{len(events)} events are too many"
    chance.shuffle(found)
    return found


def everything_is_there(shop: Shop, pages: dict[str, Any], events: int, seed: int) -> None:
    """Compare what is stored with what was bought, not with other rows."""
    for code, opened in pages.items():
        orders = [order for order, _ in opened]
        state = "refunded" if code in PAID_BACK else "paid"
        assert shop.till.ask("orders", *orders) == [state] * len(orders), (code, seed)
        coins = COINS.get(code)
        if coins is not None:
            assert shop.till.ask("balances", *orders) == [coins] * len(orders), (code, seed)
    counted = shop.till.ask("counts")
    paid = sum(BOUGHT.values()) + sum(PAID_BACK.values()) + BOUGHT["writing-lite-monthly"]
    assert counted["InboxEvent"] == events, seed
    assert counted["KeyPlan"] == BOUGHT["prompts-basic"], seed
    assert counted["Payment"] == counted["receipt"] == paid, seed
    assert counted["Fulfilment"] == paid + sum(PAID_BACK.values()), seed


def test_400_calls_at_once_on_a_key_with_50_units_grant_exactly_50(shop: Shop) -> None:
    key = shop.till.ask("key", 50)

    def call(_: int, session: requests.Session) -> int:
        answer = session.post(
            shop.url("api/optimize"),
            json={"idea": "a red fox"},
            headers={"X-API-Key": key},
            timeout=60,
        )
        return answer.status_code

    assert Counter(at_once(call, list(range(400)))) == {200: 50, 429: 350}
    assert shop.till.ask("used", key) == [50]


def test_400_calls_at_once_on_a_plan_of_50_a_month_grant_exactly_50(shop: Shop) -> None:
    account = shop.till.ask("plan", 50)

    def call(_: int, session: requests.Session) -> int:
        return session.post(shop.url(f"_test/generate/{account}"), timeout=60).status_code

    assert Counter(at_once(call, list(range(400)))) == {200: 50, 402: 350}
    assert shop.till.ask("metered", account) == [50]
