"""One running house per file: starting one takes longer than killing its parts.

Not one for the whole suite, because the runner waits longer each time the same program dies.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.desk import Desk
from tests.crash.house import House
from tests.crash.post import PostOffice
from tests.services.programs import Program, wait


def lately(runner: Program) -> str:
    """What the programs wrote last, without the sweep's constant talk."""
    return "\n".join([line for line in runner.lines if "sweep" not in line][-60:])


@pytest.fixture(scope="package")
def data() -> Iterator[Path]:
    """A data folder with a short path, since a unix socket lives in it."""
    folder = Path(tempfile.mkdtemp(prefix="atelier-crash-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def running(data: Path) -> Iterator[tuple[House, Program, PostOffice, Desk]]:
    """The house, its runner, the mail server it uses, and a process that queues mails."""
    with PostOffice() as post:
        house = House(data, post.port)
        with house.up() as runner, house.desk() as desk:
            desk.sweep_every(1)
            yield house, runner, post, desk
        # Whatever the tests did: no mail ever arrived twice, also not after its test was over.
        assert set(post.arrived.values()) <= {1}


@pytest.fixture
def house(running: tuple[House, Program, PostOffice, Desk]) -> Iterator[House]:
    """Everything runs before a test and after it, and no mail is under way."""
    house, runner, post, _ = running
    yield house
    post.greeting.open()
    post.content.open()
    wait(
        lambda: all(map(house.pid, ("web", "worker", "beat", "broker"))), 20, lambda: lately(runner)
    )
    wait(
        lambda: (
            not house.rows.sql(
                "SELECT 1 FROM accounts_outgoingmail WHERE state IN ('queued', 'running')"
            )
        ),
        20,
        lambda: f"mails are still under way\n{lately(runner)}",
    )


@pytest.fixture
def post(running: tuple[House, Program, PostOffice, Desk]) -> PostOffice:
    return running[2]


@pytest.fixture
def desk(running: tuple[House, Program, PostOffice, Desk]) -> Desk:
    return running[3]


@pytest.fixture
def runner(running: tuple[House, Program, PostOffice, Desk]) -> Program:
    return running[1]
