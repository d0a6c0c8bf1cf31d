"""A stop in the middle of work: the work is finished and recorded first."""

import signal
import threading
from pathlib import Path

import pytest

from tests.crash.house import House
from tests.crash.post import PostOffice
from tests.services.programs import runs

pytestmark = [pytest.mark.slow, pytest.mark.crash]


def test_a_clean_stop_lets_the_mail_that_is_being_sent_finish(data: Path) -> None:
    with PostOffice() as post:
        house = House(data, post.port)
        with house.up() as runner, house.desk() as desk, post.content.closed():
            [key] = desk.mails(1)
            post.content.wait_for_one()
            pids = house.pids()
            threading.Timer(3, post.content.open).start()
            runner.send(signal.SIGTERM)
            assert runner.ended(30) == 0
        assert house.rows.states([key]) == ["succeeded"]
        assert house.rows.tries(key) == [(1, "sent")]
        assert post.times([key]) == [1]
    assert len(pids) == 4
    assert not any(map(runs, pids))
    assert "Traceback" not in runner.text, runner.text
