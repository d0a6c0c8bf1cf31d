"""A worker that stalls past its lease, on PostgreSQL: it writes nothing over its successor."""

import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from config.runner import table
from config.suites import servers
from tests.crash.desk import Desk
from tests.crash.house import House
from tests.crash.post import PostOffice
from tests.crash.servers import new_database
from tests.services.programs import Program, python, wait

pytestmark = [pytest.mark.slow, pytest.mark.services]

DONE = re.compile(r"mail\.deliver\[.*succeeded in")


class Workers:
    """Starts workers as the runner does, each with a mail server of its own, and rings."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._bell = Celery(
            "bell", broker=f"{house.environment['REDIS_URL']}/0", set_as_current=False
        )

    def start(self, name: str, post: PostOffice) -> Program:
        [known] = [p for p in table.processes(patience=1, reload=False) if p.name == "worker"]
        assert known.command[0] == sys.executable
        program = python(
            *known.command[1:],
            *("--hostname", f"{name}@localhost"),
            **{**self._house.environment, "SMTP_PORT": str(post.port)},
        )
        program.wait_for("ready")
        return program

    def ring_until(self, done: Any, task: str, *arguments: object) -> None:
        """Ring as often as the sweep would: a stalled worker may swallow a ring or two."""

        def rung_and_done() -> bool:
            if done():
                return True
            self._bell.send_task(task, arguments, queue="quick")
            return False

        for _ in range(40):
            if rung_and_done():
                return
            with_patience(done)
        raise AssertionError(f"{task} had no effect")


def with_patience(done: Any) -> None:
    """Wait half a second for something that may come."""
    try:
        wait(done, 0.5)
    except AssertionError:
        return


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A prepared database and a broker; nothing runs."""
    data: Path = tmp_path_factory.mktemp("stalls")
    with new_database() as database, servers.valkey() as broker:
        house = House(data, 1, DATABASE_URL=database, REDIS_URL=broker)
        house.prepare()
        yield house


@pytest.fixture(scope="module")
def desk(house: House) -> Iterator[Desk]:
    with house.desk() as desk:
        yield desk


@pytest.fixture
def workers(house: House) -> Workers:
    return Workers(house)


def test_a_worker_that_stalls_before_sending_leaves_everything_to_its_successor(
    house: House, desk: Desk, workers: Workers
) -> None:
    with PostOffice() as slow, PostOffice() as quick, workers.start("stalls", slow) as stalled:
        with slow.greeting.closed():
            [key] = desk.mails(1)
            slow.greeting.wait_for_one()
            stalled.send(signal.SIGSTOP)
            house.rows.let_leases_run_out()
            with workers.start("follows", quick):
                workers.ring_until(
                    lambda: house.rows.states([key]) == ["succeeded"], "common.jobs.sweep"
                )
        row = house.rows.mails([key], "*")
        stalled.send(signal.SIGCONT)
        stalled.wait_for("job_lease_lost", times=2)  # before sending, and when recording
        assert house.rows.mails([key], "*") == row
        assert house.rows.tries(key) == [(2, "sent")]
        assert (slow.times([key]), quick.times([key])) == ([0], [1])


def test_a_worker_that_stalls_while_sending_does_not_undo_the_doubt(
    house: House, desk: Desk, workers: Workers
) -> None:
    with PostOffice() as slow, PostOffice() as quick, workers.start("stalls", slow) as stalled:
        with slow.content.closed():
            [key] = desk.mails(1)
            slow.content.wait_for_one()
            [(pk,)] = house.rows.mails([key], "id")
            stalled.send(signal.SIGSTOP)
            house.rows.let_leases_run_out()
            with workers.start("follows", quick) as follower:
                # A ring that comes before the sweep must not send the mail again.
                workers.ring_until(
                    lambda: DONE.search(follower.text),
                    "accounts.flows.mail.deliver",
                    pk,
                )
                assert house.rows.mails([key], "state, attempts") == [("running", 1)]
                workers.ring_until(
                    lambda: house.rows.states([key]) == ["unsure"], "common.jobs.sweep"
                )
            row = house.rows.mails([key], "*")
        stalled.send(signal.SIGCONT)
        stalled.wait_for("job_lease_lost")
        assert house.rows.mails([key], "*") == row
        assert house.rows.tries(key) == []
        assert (slow.times([key]), quick.times([key])) == ([1], [0])
