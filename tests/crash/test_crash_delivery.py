"""A worker killed in the middle of a delivery, and a mail server that is away for a while."""

import pytest

from tests.crash.desk import Desk
from tests.crash.house import House
from tests.crash.post import PostOffice
from tests.services.programs import wait

pytestmark = [pytest.mark.slow, pytest.mark.crash]


def test_killed_while_handing_over_a_mail_is_unsure_and_never_sent_twice(
    house: House, desk: Desk, post: PostOffice
) -> None:
    with post.content.closed():
        [key] = desk.mails(1)
        post.content.wait_for_one()
        killed = house.kill("worker")
    house.wait_for_another("worker", than=killed)
    assert house.rows.states([key]) == ["running"]
    house.rows.let_leases_run_out()
    wait(lambda: house.rows.states([key]) == ["unsure"], 15)
    # The successor works, has had its chances at this mail, and did not take them.
    after = desk.mails(2)
    wait(lambda: house.rows.states(after) == ["succeeded"] * 2, 15)
    assert post.times([key, *after]) == [1, 1, 1]
    assert house.rows.mails([key], "state, attempts") == [("unsure", 1)]


def test_killed_before_handing_over_a_mail_is_sent_once_by_the_successor(
    house: House, desk: Desk, post: PostOffice
) -> None:
    with post.greeting.closed():
        [key] = desk.mails(1)
        post.greeting.wait_for_one()
        killed = house.kill("worker")
    house.wait_for_another("worker", than=killed)
    assert house.rows.states([key]) == ["running"]
    house.rows.let_leases_run_out()
    wait(lambda: house.rows.states([key]) == ["succeeded"], 15)
    assert post.times([key]) == [1]
    assert house.rows.tries(key) == [(2, "sent")]


def test_a_mail_whose_server_is_down_goes_out_when_it_is_back(
    house: House, desk: Desk, post: PostOffice
) -> None:
    post.close()
    try:
        [key] = desk.mails(1)
        wait(lambda: house.rows.tries(key) == [(1, "retry")], 10)
        house.rows.let_waits_end()
        wait(lambda: house.rows.tries(key) == [(1, "retry"), (2, "retry")], 10)
        assert house.rows.mails([key], "state, attempts") == [("queued", 2)]
    finally:
        post.open()
    house.rows.let_waits_end()
    wait(lambda: house.rows.states([key]) == ["succeeded"], 10)
    assert house.rows.tries(key) == [(1, "retry"), (2, "retry"), (3, "sent")]
    assert post.times([key]) == [1]
