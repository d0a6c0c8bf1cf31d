"""Web, worker, beat or broker killed while the house is up: it comes back, nothing is lost."""

import os
import shutil
import signal

import pytest

from tests.crash.desk import Desk
from tests.crash.house import House
from tests.crash.post import PostOffice
from tests.services.programs import Program, wait

pytestmark = [pytest.mark.slow, pytest.mark.crash]


def arrived_once(post: PostOffice, house: House, keys: list[str], seconds: float = 25) -> None:
    """Wait until every mail is done; none may have arrived twice."""

    def message() -> str:
        return f"arrived {post.times(keys)}, states {house.rows.states(keys)}"

    wait(lambda: set(house.rows.states(keys)) == {"succeeded"}, seconds, message)
    assert post.times(keys) == [1] * len(keys), message()


@pytest.mark.parametrize("name", ["web", "worker", "beat", "broker"])
def test_a_killed_program_comes_back_and_everything_queued_is_done(
    house: House, desk: Desk, post: PostOffice, runner: Program, name: str
) -> None:
    house.stall("worker")  # so that there is a queue
    keys = desk.mails(6)
    with house.slow_request():  # which would keep a web worker for a minute
        killed = house.kill(name)
        keys += desk.mails(6)
        if name != "worker":
            house.wake("worker")
        runner.wait_for(f"{name:<6} | was ended by SIGKILL; starts again in")
        house.wait_for_another(name, than=killed)
        keys += desk.mails(6)
        keys += desk.mails(2, rung=False)  # which need beat, broker and worker
        house.wait_until_it_answers()
        arrived_once(post, house, keys)


def test_a_killed_web_worker_is_replaced_and_the_page_stays(house: House) -> None:
    web = house.pid("web")
    workers = house.children("web")
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    house.wait_until_it_answers()
    assert house.pid("web") == web
    assert not set(workers) & set(house.children("web"))


def test_all_programs_killed_at_once_come_back_and_people_get_their_mail(
    house: House, desk: Desk, post: PostOffice
) -> None:
    house.stall("worker")
    assert house.sign_up("ada@people.example.org") == 200
    assert house.sign_up("bob@people.example.org") == 200
    killed = {name: house.kill(name) for name in ("worker", "web", "beat", "broker")}
    keys = desk.mails(6)
    for name, pid in killed.items():
        house.wait_for_another(name, than=pid)
    house.wait_until_it_answers(30)
    found = house.rows.sql(
        "SELECT dedupe_key FROM accounts_outgoingmail WHERE to_email LIKE %s ORDER BY to_email",
        "%@people.example.org",
    )
    assert len(found) == 2
    arrived_once(post, house, keys + [key for (key,) in found], 40)


def test_after_the_brokers_data_are_gone_the_sweep_finds_every_mail(
    house: House, desk: Desk, post: PostOffice
) -> None:
    house.stall("worker")
    keys = desk.mails(8)
    killed = house.kill("broker")
    shutil.rmtree(house.data / "valkey")
    keys += desk.mails(4)
    house.wake("worker")
    house.wait_for_another("broker", than=killed)
    keys += desk.mails(4)
    house.wait_until_it_answers()
    arrived_once(post, house, keys)


def test_a_kill_in_the_thick_of_it_sends_no_mail_twice_and_forgets_none(
    house: House, desk: Desk, post: PostOffice
) -> None:
    house.stall("worker")
    keys = desk.mails(60)
    house.wake("worker")
    wait(lambda: sum(post.times(keys)) > 5, 15)
    killed = house.kill("worker")
    assert 0 in post.times(keys), "the worker was done before it was killed"
    house.wait_for_another("worker", than=killed)
    house.rows.let_leases_run_out()
    wait(lambda: {"succeeded", "unsure"} >= set(house.rows.states(keys)), 30)
    states = dict(zip(keys, house.rows.states(keys), strict=True))
    for key, state in states.items():
        # Only a mail that was in the worker's hands may be unsure; there are four pairs of hands.
        assert post.arrived[key] == 1 if state == "succeeded" else post.arrived[key] <= 1
    assert list(states.values()).count("unsure") <= 4


def test_the_sweep_runs_by_itself(house: House, desk: Desk, post: PostOffice) -> None:
    keys = desk.mails(3, rung=False)
    arrived_once(post, house, keys, 10)
