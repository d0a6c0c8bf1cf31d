"""What `make test` counts and says at the end."""

from pathlib import Path

import psycopg
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from config.setup import system
from config.suites import __main__ as runner
from config.suites import servers
from config.suites.suite import SUITES, Result, count

REPORT = """<?xml version="1.0"?><testsuites><testsuite>
<testcase classname="a" name="good"/>
<testcase classname="a" name="bad"><failure message="no"/></testcase>
<testcase classname="a" name="broken"><error message="fixture"/></testcase>
<testcase classname="a" name="out"><skipped type="pytest.skip" message="no browser"/></testcase>
<testcase classname="a" name="known"><skipped type="pytest.xfail" message="later"/></testcase>
</testsuite></testsuites>"""


def counted(folder: Path) -> Result:
    (folder / "junit.xml").write_text(REPORT)
    result = Result(SUITES[0])
    count(result, folder / "junit.xml")
    return result


def test_errors_count_as_failures_and_skips_are_named(tmp_path):
    result = counted(tmp_path)
    assert (result.passed, result.failed) == (1, 2)
    assert result.skipped == ["a::out: no browser"]


def test_a_run_without_a_report_is_a_problem(tmp_path):
    result = Result(SUITES[0])
    count(result, tmp_path / "nothing.xml")
    assert result.problem == "pytest wrote no report"


def closing(results: list[Result], capsys: pytest.CaptureFixture, **options: bool) -> tuple:
    code = runner._close(results, everything=options.get("everything", True))
    return code, capsys.readouterr().out.splitlines()[-1]


def test_the_closing_line_sums_over_all_suites(capsys, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    results = [Result(SUITES[0], passed=7), Result(SUITES[1], passed=5, failed=2)]
    assert closing(results, capsys) == (1, "12 passed, 2 failed")


def test_a_missing_server_is_a_notice_here_and_a_failure_in_ci(capsys, monkeypatch):
    results = [Result(SUITES[0], passed=1), Result(SUITES[1], problem="not run, X is missing")]
    monkeypatch.delenv("CI", raising=False)
    assert closing(results, capsys) == (0, "1 passed, 0 failed")
    monkeypatch.setenv("CI", "true")
    assert closing(results, capsys) == (1, "1 passed, 1 failed")


def test_a_skipped_test_and_an_empty_suite_fail_in_ci_only(capsys, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    assert closing([Result(SUITES[0], passed=1, skipped=["a: b"])], capsys)[0] == 0
    assert closing([Result(SUITES[2])], capsys)[0] == 0
    monkeypatch.setenv("CI", "true")
    assert closing([Result(SUITES[0], passed=1, skipped=["a: b"])], capsys)[0] == 1
    assert closing([Result(SUITES[2])], capsys)[0] == 1
    # Whoever asks for some tests only may get none from a suite.
    assert closing([Result(SUITES[2])], capsys, everything=False)[0] == 0


def test_a_broken_run_fails_everywhere(capsys, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    broken = Result(SUITES[0], passed=3, problem="pytest ended with exit code 3")
    assert closing([broken], capsys) == (1, "3 passed, 1 failed")


def test_every_slow_test_belongs_to_exactly_one_suite():
    slow = [suite.tests for suite in SUITES if suite.tests != "not slow"]
    marks = ("slow", "browser", "crash", "stories", "services")
    for kinds in ({"slow"}, *({"slow", mark} for mark in marks[1:])):
        names = {name: name in kinds for name in marks}
        chosen = [expression for expression in slow if eval(expression, {}, names)]
        assert len(chosen) == 1, (kinds, chosen)


def test_the_environment_sends_a_suite_to_its_servers_only(monkeypatch):
    places = object.__new__(runner.Places)
    places.database, places.broker, places.missing = "postgres://x", "redis://y", {}
    by_name = {suite.name: places.environment(suite) for suite in SUITES}
    assert by_name["sqlite"]["DATABASE_URL"] == "" == by_name["sqlite"]["REDIS_URL"]
    assert by_name["postgres"]["DATABASE_URL"] == "postgres://x"
    assert by_name["services"]["REDIS_URL"] == "redis://y"


@pytest.mark.slow
@pytest.mark.services
def test_a_throwaway_postgres_answers_and_is_gone_afterwards():
    with servers.postgres() as url, psycopg.connect(url) as connection:
        row = connection.execute("SELECT current_database(), current_setting('fsync')").fetchone()
        assert row == ("atelier", "off")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=2)


@pytest.mark.slow
@pytest.mark.services
def test_a_throwaway_valkey_answers_and_is_gone_afterwards():
    with servers.valkey() as url:
        client = Redis.from_url(url)
        client.set("a", "b")
        assert client.get("a") == b"b"
        client.close()
    with pytest.raises(RedisConnectionError):
        Redis.from_url(url).ping()


def test_what_is_missing_comes_with_the_command_that_installs_it(monkeypatch, capsys):
    monkeypatch.setattr("shutil.which", lambda name: name == "apt-get" and "/usr/bin/apt-get")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert system.POSTGRES.how() == "sudo apt-get install -y --no-install-recommends postgresql"
    monkeypatch.setattr("shutil.which", lambda name: name == "brew" and "/opt/bin/brew")
    system.tell(system.PDF_LIBRARIES)
    said = capsys.readouterr().out.splitlines()
    assert [line.rpartition(": ")[2] for line in said] == [
        "brew install pango",
        "brew install harfbuzz",
    ]
