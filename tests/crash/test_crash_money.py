"""A worker killed at each named point of a payment: another one finishes, and nothing is doubled.

The worker that dies listens to one queue, the one that comes after it to another, where only the
sweep rings. So it is the sweep that finds what was left.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.crash.postgres import Postgres, durable
from tests.crash.shop import LAST, Event, Shop, died, shop_on, signed
from tests.services.programs import Program, wait

pytestmark = [pytest.mark.slow, pytest.mark.crash]
MANY = 50


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with durable() as server:
        yield server


@pytest.fixture(scope="module")
def shop(postgres: Postgres) -> Iterator[Shop]:
    with shop_on(postgres.url) as shop, shop.worker(queue=LAST, name="last"):
        yield shop


@pytest.fixture(autouse=True)
def all_is_well(shop: Shop) -> Iterator[None]:
    """After each test everything is done, and the books are in order."""
    earlier = shop.till.ask("problems")  # of a test that failed
    yield
    assert [line for line in shop.till.ask("problems") if line not in earlier] == []


def deliver(shop: Shop, events: list[Event]) -> None:
    """Hand events over as the webhook does."""
    shop.till.ask("receive", [signed(event) for event in events])


def dies(shop: Shop, worker: Program) -> None:
    """Wait until a worker died of its fault; let another one finish."""
    died(worker)
    assert shop.till.ask("busy"), "nothing was left to do"
    shop.till.ask("let_leases_run_out")
    shop.finish()


def dies_of(shop: Shop, fault: str, events: list[Event]) -> None:
    """Let a worker with this fault take events; it dies, and another one finishes."""
    with shop.worker(fault, name=fault) as worker:
        deliver(shop, events)
        dies(shop, worker)


def bought(shop: Shop, code: str) -> str:
    """Buy an offer without any trouble; return the order."""
    [(order, page)] = shop.till.ask("open_pages", code)
    deliver(shop, happens(shop, "pay", session=page))
    shop.finish()
    assert shop.till.ask("orders", order) == ["paid"]
    return str(order)


def happens(shop: Shop, name: str, **values: Any) -> list[Event]:
    """Let something happen at Stripe; return the events."""
    with shop.stripe.new_events() as events:
        shop.stripe.do(name, **values)
    return events


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("writing-topup-25", "payment_before_delivery"),
        ("writing-topup-25", "balance_before_entry"),
        ("prompts-basic", "delivery_before_invoice"),
        ("prompts-basic", "settle_before_commit"),
        ("prompts-basic", "payment_before_fee"),
        ("writing-topup-25", "event_before_done"),
        ("poster", "fulfilment_before_done"),
        ("writing-lite-monthly", "subscription_before_commit"),
        ("writing-lite-monthly", "settle_before_commit"),
        ("prompts-basic-monthly", "payment_before_delivery"),
        ("prompts-basic-monthly", "payment_before_fee"),
    ],
)
def test_a_payment_survives_a_kill_at(shop: Shop, code: str, fault: str) -> None:
    [(order, page)] = shop.till.ask("open_pages", code)
    dies_of(shop, fault, happens(shop, "pay", session=page))
    assert shop.till.ask("orders", order) == ["paid"]


@pytest.mark.parametrize("fault", ["subscription_before_commit", "delivery_before_invoice"])
def test_a_renewal_survives_a_kill_at(shop: Shop, fault: str) -> None:
    order = bought(shop, "writing-lite-monthly")
    ref = shop.till.ask("subscription", order)
    dies_of(shop, fault, happens(shop, "renew", subscription=ref))
    assert shop.till.ask("payments", order) == 2


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("writing-topup-25", "refund_before_record"),
        ("writing-topup-25", "refund_before_commit"),
        ("poster", "fulfilment_before_done"),
    ],
)
def test_a_refund_survives_a_kill_at(shop: Shop, code: str, fault: str) -> None:
    order = bought(shop, code)
    with shop.worker(fault, name=fault) as worker, shop.stripe.new_events() as events:
        refund = shop.till.ask("pay_back", order, 100)
        dies(shop, worker)
    deliver(shop, events)
    shop.finish()
    assert shop.till.ask("orders", order) == ["partly_refunded"]
    assert shop.stripe.refunds_of(refund) == 1


def test_a_lost_dispute_survives_a_kill(shop: Shop) -> None:
    order = bought(shop, "writing-topup-25")
    with shop.stripe.new_events() as events:
        dispute = shop.stripe.do("dispute", payment=shop.till.ask("payment_ref", order))
        shop.stripe.do("lose", dispute=dispute["id"])
    dies_of(shop, "dispute_before_commit", events)
    assert shop.till.ask("orders", order) == ["charged_back"]


# --- The web -----------------------------------------------------------------------------------
def test_an_event_stored_by_a_web_process_that_died_before_it_rang_is_found(shop: Shop) -> None:
    [(order, page)] = shop.till.ask("open_pages", "writing-topup-25")
    events = happens(shop, "pay", session=page)
    with shop.web("event_before_ring"):
        for event in events:
            body, signature = signed(event)
            with pytest.raises(requests.ConnectionError):
                requests.post(
                    shop.url("stripe/webhook"),
                    data=body,
                    headers={"Stripe-Signature": signature},
                    timeout=20,
                )
    assert shop.till.ask("orders", order) == ["open"]
    assert shop.till.ask("events", *[event["id"] for event in events]) == len(events)
    shop.finish()
    assert shop.till.ask("orders", order) == ["paid"]


def pages_of(shop: Shop) -> set[str]:
    """Return the latest payment pages there are at Stripe."""
    return {row["id"] for row in shop.stripe.get("checkout/sessions?limit=100")["data"]}


def test_a_payment_page_that_was_made_and_not_stored_is_found_by_the_next_try(shop: Shop) -> None:
    before = pages_of(shop)
    wanted = {"offer": "writing-topup-25", "email": "again@people.example.org"}

    def begin() -> requests.Response:
        return requests.post(
            shop.url("checkout/create"),
            json=wanted,
            headers={"Idempotency-Key": "one click"},
            timeout=20,
        )

    with shop.web("page_before_stored"), pytest.raises(requests.ConnectionError):
        begin()
    with shop.web():
        answers = [begin().json() for _ in range(2)]
    page = answers[0]["session_id"]
    assert [answer["session_id"] for answer in answers] == [page, page]
    assert pages_of(shop) - before == {page}
    deliver(shop, happens(shop, "pay", session=page))
    shop.finish()
    assert shop.till.ask("orders", answers[0]["order"]) == ["paid"]


# --- The servers -------------------------------------------------------------------------------
@pytest.fixture
def under_way(shop: Shop) -> Iterator[list[str]]:
    """Many paid orders, of which a worker has settled some."""
    opened = shop.till.ask("open_pages", "writing-topup-10", MANY)
    with shop.stripe.new_events() as events:
        for _, page in opened:
            shop.stripe.do("pay", session=page)
    orders = [order for order, _ in opened]
    with shop.worker(name="busy") as worker:
        worker.wait_for("ready")
        deliver(shop, events)
        wait(lambda: shop.till.ask("orders", *orders).count("paid") > 5, 30)
        yield orders
    assert shop.till.ask("orders", *orders) == ["paid"] * MANY


def test_a_broker_that_forgets_everything_in_the_middle_of_50_settlements(
    shop: Shop, under_way: list[str]
) -> None:
    shop.forget_rings()
    wait(shop.idle, 20)
    assert "open" in shop.till.ask("orders", *under_way), "all was done before the broker forgot"
    shop.finish(queue="quick")


def test_a_database_that_crashes_in_the_middle_of_50_settlements(
    shop: Shop, under_way: list[str], postgres: Postgres
) -> None:
    postgres.crash()
    postgres.come_back()
    assert "open" in shop.till.ask("orders", *under_way), "all was done before the crash"
    wait(shop.idle, 60)
    shop.till.ask("let_leases_run_out")
    shop.finish(queue="quick")
