"""Four processes at once on one database: PostgreSQL, and a SQLite file."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.crash.house import House
from tests.crash.servers import new_database, some_broker
from tests.services.programs import Program, python

pytestmark = [pytest.mark.slow, pytest.mark.services]

PROCESSES = 4
MAILS = 40

# Says what it achieved as `<word> <number>`; all start when the file `go` appears.
RACER = """
import sys, time
from pathlib import Path
import django
django.setup()
from django.db import connection
from accounts.models import OutgoingMail
from billing.errors import QuotaExhausted
from billing.flows import quotas

def charge():
    granted = 0
    for _ in range(100):
        try:
            quotas.charge("demo123")
        except QuotaExhausted:
            continue
        granted += 1
    return granted

def claim():
    claims = [OutgoingMail.objects.claim(pk) for pk in mails]
    return sum(1 for job in claims if job is not None and job.finish())

work, go = sys.argv[1:]
mails = list(OutgoingMail.objects.order_by("pk").values_list("pk", flat=True))
print("ready", flush=True)
while not Path(go).exists():
    time.sleep(0.001)
print("did", {"charge": charge, "claim": claim}[work](), flush=True)
"""

STORE = """
import sys, django
django.setup()
from accounts.models import OutgoingMail
for number in range(int(sys.argv[1])):
    OutgoingMail.objects.create(to_email="a@example.org", subject="s", dedupe_key=number)
"""


@pytest.fixture(scope="module", params=["PostgreSQL", "SQLite"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    """A prepared database of each kind; nothing runs."""
    data = Path(tempfile.mkdtemp(prefix="atelier-races-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, data)
        urls = {"REDIS_URL": stack.enter_context(some_broker())}
        if request.param == "PostgreSQL":
            urls["DATABASE_URL"] = stack.enter_context(new_database())
        house = House(data, 1, **urls)
        house.prepare()
        yield house


def race(house: House, work: str) -> list[int]:
    """Let four processes do the same work at once; return what each of them did."""
    go = house.data / f"go-{work}"
    with ExitStack() as stack:
        racers = [stack.enter_context(run(house, RACER, work, str(go))) for _ in range(PROCESSES)]
        for racer in racers:
            racer.wait_for("ready", 30)
        go.touch()
        for racer in racers:
            assert racer.ended(60) == 0, racer.text
            assert "locked" not in racer.text
    return [int(line.split()[1]) for racer in racers for line in racer.lines if "did" in line]


def run(house: House, program: str, *arguments: str) -> Program:
    return python(
        *("-c", program, *arguments),
        DJANGO_SETTINGS_MODULE="config.settings",
        **house.environment,
    )


def test_400_calls_from_four_processes_on_a_quota_of_50_grant_exactly_50(house: House) -> None:
    granted = race(house, "charge")
    assert len(granted) == PROCESSES
    assert sum(granted) == 50
    assert house.rows.sql("SELECT used FROM billing_usagecounter") == [(50,)]


def test_each_of_40_jobs_that_four_processes_want_is_done_by_one(house: House) -> None:
    with run(house, STORE, str(MAILS)) as store:
        assert store.ended(30) == 0, store.text
    done = race(house, "claim")
    assert len(done) == PROCESSES
    assert sum(done) == MAILS
    assert house.rows.sql(
        "SELECT state, attempts, count(*) FROM accounts_outgoingmail GROUP BY state, attempts"
    ) == [("succeeded", 1, MAILS)]
