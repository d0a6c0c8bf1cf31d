"""Money over HTTP and behind it: PostgreSQL, gunicorn, a Celery worker, synchronous commit.

Charges, balance and history beside a bare and a one-query view; settlements of top-ups at a fake
Stripe; a ledger of a million rows; webhooks at a steady pace while every provider is down, and then
the broker too. Nothing asserts a time. `python -m bench.billing`
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from bench import hooks, load
from bench.http import KEY, TICKS, Case, cpu_ticks, measure, prepare, report, web
from bench.stage import Environment, Stage, part, program, until, worker
from config.suites import servers

RATE, SECONDS, SHORT = 100, 30, 8  # webhooks a second; how long; how long the yardsticks run
TURNS = 3
PAYMENTS = 80
CASE_SECONDS = 1.5


def settle(stage: Stage, environment: Environment) -> list[hooks.Event]:
    """Deliver the events of paid top-ups and see when all are credited; return the events."""
    found = part(environment, "settle", str(PAYMENTS))
    events: list[hooks.Event] = found["events"]
    counted, yardstick = found["statements"], found["transactions"]
    print(
        f"\nA top-up makes {len(events) / PAYMENTS:.0f} events. SQL statements per top-up: "
        f"{counted['door']:.0f} at the door, {counted['money']:.0f} to settle, "
        f"{counted['copy']:.0f} for the copy of Stripe's data."
    )
    with web(environment, stage.port) as server, worker(environment) as (workers, _):
        paid, copied, cpu = drain(stage, events, [server.pid, workers.pid, stage.postmaster])
    print(
        f"{PAYMENTS} top-ups, one worker with 4 processes: {paid:.1f} paid and credited a second, "
        f"{copied:.1f} with the copy, {cpu:.0f} ms CPU each with the copy.\nYardstick: one process "
        f"makes {yardstick:.0f} transactions (SELECT 1 and an INSERT) a second, "
        f"{yardstick / paid:.0f} for each top-up."
    )
    return events


def drain(
    stage: Stage, events: Sequence[hooks.Event], pids: list[int]
) -> tuple[float, float, float]:
    """Deliver events; return payments settled and copied per second, and CPU ms of each."""
    requests = [hooks.request(event) for event in events]
    credited = "SELECT count(*) FROM billing_order o JOIN billing_grant g"
    credited += " ON g.ref = 'plan:order:' || o.uuid WHERE o.state = 'paid'"
    goal = stage.ask(credited) + PAYMENTS
    before, began = cpu_ticks(pids), datetime.now(UTC)
    load.run(stage.port, requests.__getitem__, seconds=600, connections=4, most=len(requests))
    until(lambda: stage.ask(credited) == goal, 120, "not everything was settled")
    settled = stage.ask("SELECT max(paid_at) FROM billing_order") - began
    waiting = "SELECT count(*) FROM billing_inboxevent WHERE mirrored_at IS NULL"
    until(lambda: stage.ask(waiting) == 0, 120, "not everything was copied")
    copied = stage.ask("SELECT max(mirrored_at) FROM billing_inboxevent") - began
    cpu = (cpu_ticks(pids) - before) / TICKS * 1000 / PAYMENTS
    return PAYMENTS / settled.total_seconds(), PAYMENTS / copied.total_seconds(), cpu


def ledger(stage: Stage, environment: Environment) -> None:
    """A million rows: the views, and the proof beside a plain count."""
    found = part(environment, "ledger")
    rows, wallets, grants = found["rows"]
    print(
        f"\n{rows:,} ledger rows, {wallets:,} wallets, {grants:,} grants (written in "
        f"{found['filled']:.0f} s). SELECT count(*): {found['count']:.2f} s. check_ledgers: "
        f"{found['prove']:.2f} s, {found['prove'] / found['count']:.1f} counts."
    )
    cookie, other = ([f"Cookie: sessionid={one}"] for one in found["sessions"])
    account, older = found["account"], f"/account/plans/?before={found['before']}"

    def get(path: str, **more: Any) -> Callable[[int], bytes]:
        request = load.request("GET", path, **more)
        return lambda n: request

    cases = [
        Case("bare JSON", get("/bench/bare")),
        Case("one query", get("/bench/one-query")),
        Case("key and charge", get("/bench/charge", key=KEY), (0.20, 0.55)),
        Case("charge of a plan", get(f"/bench/meter/{account}"), (0.20, 0.55)),
        Case("balance", get(f"/bench/balance/{account}")),
        Case("plans page, newest coins", get("/account/plans/", headers=cookie)),
        Case("plans page, 100th page of coins", get(older, headers=cookie)),
        Case("the same of three quiet accounts", get("/account/plans/", headers=other)),
    ]
    with web(environment, stage.port) as server:
        measure(cases, stage.port, [server.pid, stage.postmaster], seconds=CASE_SECONDS)
    report(cases)


def webhooks(stage: Stage, event: hooks.Event, broker: ExitStack) -> None:
    """Take events at a steady pace while Stripe is down, and once more without the broker."""
    environment = stage.beside(f"http://127.0.0.1:{servers.free_port()}")  # nobody listens
    body = hooks.body_of(event)
    print(
        f"\n{RATE} requests a second, each timed from when it was due; an event has "
        f"{len(body):,} bytes.\n{'':<34}{'n':>6}{'p50 ms':>8}{'p95 ms':>8}{'p99 ms':>8}"
        f"{'CPU µs':>8}  answers"
    )
    bare = [load.request("GET", "/bench/bare")] * (RATE * SHORT)
    insert = [load.request("POST", "/bench/one-insert", body=body)] * (RATE * SHORT)
    with web(environment, stage.port) as server:
        pids = [server.pid, stage.postmaster]
        load.paced(stage.port, [*bare, *insert][:: 2 * SHORT], rate=RATE)
        in_turns(stage.port, pids, {"bare JSON": bare})
        with worker(environment):
            some = [hooks.request(one) for one in hooks.copies(event, RATE * SECONDS, "a")]
            in_turns(stage.port, pids, {"one INSERT": insert, "webhook, Stripe down": some})
        broker.close()
        some = [hooks.request(one) for one in hooks.copies(event, RATE * SECONDS, "b")]
        in_turns(
            stage.port, pids, {"one INSERT, no worker": insert, "webhook, broker down too": some}
        )
    stored = stage.ask("SELECT count(*) FROM billing_inboxevent WHERE state <> 'succeeded'")
    print(f"{stored:,} of {2 * RATE * SECONDS:,} events are stored and wait for Stripe.")


def in_turns(port: int, pids: list[int], rows: dict[str, list[bytes]]) -> None:
    """Send each row's requests at the pace, a third at a time: all meet the same machine."""
    outcomes = {name: load.Outcome() for name in rows}
    cpu = dict.fromkeys(rows, 0)
    for turn in range(TURNS):
        for name, requests in rows.items():
            before = cpu_ticks(pids)
            outcomes[name].add(load.paced(port, requests[turn::TURNS], rate=RATE))
            cpu[name] += cpu_ticks(pids) - before
    for name, outcome in outcomes.items():
        number = len(outcome.latencies)
        parts = "".join(f"{outcome.percentile(share):>8.1f}" for share in (0.5, 0.95, 0.99))
        print(
            f"{name:<34}{number:>6}{parts}{cpu[name] / TICKS * 1e6 / number:>8.0f}"
            f"  {outcome.statuses}"
        )


def main() -> None:
    """Measure and print."""
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.postgres(durable=True) as database,
        ExitStack() as broker,
    ):
        stage = Stage(database, broker.enter_context(servers.valkey()), folder)
        prepare(stage.environment, database)
        stage.sql.execute("CREATE TABLE bench_row (id bigserial PRIMARY KEY, body text)")
        with program(stage.environment, "-m", "tests.fakes.stripe", ready="READY") as (_, said):
            environment = stage.beside(said.split()[1])
            events = settle(stage, environment)
        ledger(stage, environment)
        done = next(event for event in events if event["type"] == "checkout.session.completed")
        webhooks(stage, done, broker)
        stage.sql.close()
    print(f"\n{time.monotonic() - began:.0f} s in all.")


if __name__ == "__main__":
    main()
