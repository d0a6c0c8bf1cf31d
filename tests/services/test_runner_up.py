"""`manage.py up` whole: everything comes up, says where it is, and goes down cleanly."""

import http.client
import json
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.suites.servers import free_port
from tests.services.programs import Program, python, runs, wait

pytestmark = [pytest.mark.slow, pytest.mark.services]


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A data folder with a short path, since a unix socket lives in it."""
    folder = Path(tempfile.mkdtemp(prefix="atelier-up-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


def up(data: Path, port: int, *options: str) -> Program:
    environment = {"ATELIER_ENV": "dev", "VAR_DIR": str(data), "PORT": str(port)}
    return python("manage.py", "up", *options, **environment)


def status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def programs(data: Path) -> list[int]:
    return [int(pid) for pid in json.loads((data / "runner.lock").read_text())["programs"]]


def test_a_first_start_brings_everything_up_and_says_where_it_is(data, port):
    with up(data, port) as runner:
        runner.wait_for("Atelier is up", 60)
        runner.wait_for("Ctrl-C")
        assert f"http://127.0.0.1:{port}/" in runner.text
        assert "owner@atelier.localhost" in runner.text
        assert "demo123" in runner.text
        assert status(port, "/healthz") == 200
        assert status(port, "/readyz") == 200
        password = data / "staff-password"
        assert password.stat().st_mode & 0o777 == 0o600
        # In a log the password itself has no place.
        assert password.read_text().strip() not in runner.text
        assert len(programs(data)) == 4  # broker, web, worker, beat; no bot without a token
        pids = programs(data)
        runner.send_to_terminal(signal.SIGINT)
        assert runner.ended(30) == 0
    assert not any(map(runs, pids))
    assert "Traceback" not in runner.text


def test_a_second_start_has_nothing_to_prepare_and_is_quick(data, port):
    begun = time.monotonic()
    with up(data, port) as runner:
        runner.wait_for("Atelier is up", 60)
        seconds = time.monotonic() - begun
        assert "migrations" not in runner.text
        assert "staff login" not in runner.text
        # The promise is five seconds on a quiet machine; a test machine is not quiet.
        assert seconds < 15, f"{seconds:.1f} s\n{runner.text}"


def test_a_second_runner_on_the_same_data_says_so(data, port):
    with up(data, port) as first:
        first.wait_for("Atelier is up", 60)
        with up(data, free_port()) as second:
            assert second.ended(30) == 1
            assert (
                f"already runs with the data in {data} (process {first.popen.pid})" in second.text
            )


def test_a_taken_port_is_said_before_anything_starts(port, tmp_path):
    with python("-m", "http.server", "--bind", "127.0.0.1", str(port)) as other:
        wait(lambda: other.popen.poll() is None and _answers(port), 10)
        with up(tmp_path, port) as runner:
            assert runner.ended(30) == 1
            assert f"Port {port} is in use" in runner.text
            assert "Traceback" not in runner.text


def _answers(port: int) -> bool:
    try:
        return status(port, "/") > 0
    except OSError:
        return False


def test_after_a_kill_nothing_stays_and_the_next_start_works(data, port):
    with up(data, port) as runner:
        runner.wait_for("Atelier is up", 60)
        pids = programs(data)
        runner.send(signal.SIGKILL)
        wait(lambda: not any(map(runs, pids)), 20)
    with up(data, port) as again:
        again.wait_for("Atelier is up", 60)


def test_production_is_refused_in_a_sentence(tmp_path):
    production = {
        "ATELIER_ENV": "production",
        "SECRET_KEY": "Vq3mZ8rT1xLw6HnB0yKdPf5sJgCeUa9iRoXt2QvN4zMb-tests",
        "FIELD_KEYS": "Zk9XcVQ0bTJ3UnNIZ1lKcGVMNmFEZjhpT3VCdEd4MXE=",
        "DATABASE_URL": "postgres://nobody:x@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1",
        "PUBLIC_BASE_URL": "https://test.example.org",
        "TRUSTED_PROXY_COUNT": "0",
        "VAR_DIR": str(tmp_path),
    }
    with python("manage.py", "up", **production) as runner:
        assert runner.ended(30) == 1
        assert "`up` is for development" in runner.text


def test_a_broker_that_does_not_answer_is_said(tmp_path):
    environment = {
        "ATELIER_ENV": "dev",
        "VAR_DIR": str(tmp_path),
        "PORT": str(free_port()),
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}",
    }
    with python("manage.py", "up", **environment) as runner:
        assert runner.ended(40) == 1
        assert "The broker does not answer" in runner.text
