"""The starter vocabulary, built once, and a short way to an answer."""

from collections.abc import Callable
from typing import Any

import pytest

from prompts.optimizer import OptimizeRequest, Result, Vocabulary, optimize, starter_data


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary.from_data(starter_data())


@pytest.fixture(scope="session")
def run(vocabulary: Vocabulary) -> Callable[..., Result]:
    """Return `run("an idea", lighting="golden hour")`."""

    def run(idea: str, **options: Any) -> Result:
        return optimize(OptimizeRequest.parse({"idea": idea, **options}), vocabulary)

    return run
