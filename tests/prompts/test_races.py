"""Publishing under real concurrency: nobody's edit is lost."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections, transaction

from prompts.flows import vocabulary
from prompts.models import Term, VocabularyVersion

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.services,
    pytest.mark.usefixtures("words"),
]
EDITORS = 6


def at_once(work: Callable[[int], Any], people: int) -> list[Any]:
    """Run `work` for each number in a thread with its own database connection."""

    def one(number: int) -> Any:
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(people) as pool:
        return list(pool.map(one, range(people)))


@pytest.fixture
def start() -> Iterator[Barrier]:
    """A line at which all wait for the last one."""
    barrier = Barrier(EDITORS, timeout=20)
    yield barrier
    barrier.abort()


def published() -> set[str]:
    newest = VocabularyVersion.objects.first()
    assert newest is not None
    return {row["text"] for row in newest.data["terms"]}


def add(number: int) -> None:
    Term.objects.create(slot="mood", family="calm", text=f"new mood {number}")


def test_these_tests_run_on_a_database_with_real_concurrency() -> None:
    assert connection.vendor == "postgresql"


def test_all_who_add_a_term_at_once_find_it_in_the_newest_version(start: Barrier) -> None:
    def edit(number: int) -> None:
        with transaction.atomic():
            add(number)
            start.wait()  # every row is written, none is committed
            vocabulary.publish(note=f"Added {number}")

    at_once(edit, EDITORS)
    wanted = {f"new mood {number}" for number in range(EDITORS)}
    assert wanted <= published()
    assert VocabularyVersion.objects.count() == 1 + EDITORS


def test_restoring_and_editing_at_once_end_in_one_consistent_version(start: Barrier) -> None:
    first = VocabularyVersion.objects.first()
    assert first is not None

    def work(number: int) -> None:
        start.wait()
        if number % 2:
            vocabulary.restore(first)
            return
        with transaction.atomic():
            vocabulary.hold()
            Term.objects.filter(text="golden hour").update(position=number)
            add(number)
            vocabulary.publish()

    at_once(work, EDITORS)
    assert published() == set(Term.objects.values_list("text", flat=True))
    newest = VocabularyVersion.objects.first()
    assert newest is not None
    assert newest.data == vocabulary.collect()
