"""The whole of `manage.py up` on PostgreSQL and Valkey that run elsewhere, given by URL."""

import signal
from pathlib import Path

import pytest
import requests

from tests.crash.house import House
from tests.crash.post import PostOffice
from tests.crash.servers import new_database, some_broker
from tests.services.programs import runs, wait

pytestmark = [pytest.mark.slow, pytest.mark.services]


def test_page_api_and_mail_work_on_servers_given_by_url(tmp_path: Path) -> None:
    with PostOffice() as post, new_database() as database, some_broker() as broker:
        # With a database number, as most providers give it; 5 with another behind it is none.
        house = House(tmp_path, post.port, DATABASE_URL=database, REDIS_URL=f"{broker}/5")
        with house.up() as runner:
            pids = house.pids()
            assert len(pids) == 3  # web, worker, beat; the broker is not ours
            house.wait_until_it_answers()
            optimized(house)
            mail_arrives(house, post)
            runner.send(signal.SIGTERM)
            assert runner.ended(30) == 0
        assert not any(map(runs, pids))
        assert not (tmp_path / "db.sqlite3").exists()
        assert not (tmp_path / "valkey").exists()
        assert "Traceback" not in runner.text, runner.text


def optimized(house: House) -> None:
    answer = requests.post(
        house.url("/api/optimize"),
        json={"idea": "a red fox in the snow"},
        headers={"X-API-Key": "demo123"},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    assert "a red fox in the snow" in answer.json()["prompt"]
    assert answer.headers["RateLimit-Remaining"] == "49"
    assert house.rows.sql("SELECT used FROM billing_usagecounter") == [(1,)]


def mail_arrives(house: House, post: PostOffice) -> None:
    assert house.sign_up("ada@example.org") == 200
    [(key,)] = house.rows.sql(
        "SELECT dedupe_key FROM accounts_outgoingmail WHERE to_email = %s", "ada@example.org"
    )
    wait(lambda: house.rows.states([key]) == ["succeeded"], 15)
    assert post.times([key]) == [1]
