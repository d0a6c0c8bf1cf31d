"""The acceptance lists tell the truth: every ID is there, every named test exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

LINE = re.compile(r"^- ([A-Z])-(\d+) (.+): ((?:tests/|n/a: |open: ).+)$")
# Each list, its letters and their last numbers, in the order they stand in.
LISTS = {
    "prompts": {"P": 143},
    "billing": {"B": 37, "S": 37, "R": 29, "F": 12},
}
# What is delivered must stay proven: no line of these may go back to "open".
DELIVERED = {
    "prompts": {
        f"P-{number}"
        for number in (
            *range(1, 19),
            *(20, 21, 25, 26),
            *range(28, 31),
            *range(63, 74),
            *range(89, 92),
            *(124, 125, 127, 128),
            *range(129, 137),
            *range(138, 143),
        )
    },
    "billing": {
        *(f"B-{number}" for number in (1, 2, 3, 4, 10, 11, 13, 14, 18, 19, 26, 30)),
        *("S-3", "S-8", "S-20", "R-11"),
    },
}
AREAS = {"billing", "face", "prompts", "calendars", "writing", "campaigns", "coupons"}


def lines(project: Path, name: str) -> list[re.Match[str]]:
    text = (project / "docs" / "acceptance" / f"{name}.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("- ")]
    matches = [LINE.match(row) for row in rows]
    assert None not in matches, [r for r, m in zip(rows, matches, strict=True) if m is None]
    return [match for match in matches if match]


@cache
def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", LISTS)
def test_no_id_is_missing_or_said_twice(project: Path, name: str) -> None:
    found = [(match[1], int(match[2])) for match in lines(project, name)]
    assert found == [
        (letter, number) for letter, last in LISTS[name].items() for number in range(1, last + 1)
    ]


@pytest.mark.parametrize("name", LISTS)
def test_every_named_test_exists(project: Path, name: str) -> None:
    missing = []
    for match in lines(project, name):
        if match[4].startswith("tests/"):
            file, _, test = match[4].partition("::")
            path = project / file
            if not path.exists() or test not in names_in(path):
                missing.append(match[0])
    assert missing == []


@pytest.mark.parametrize("name", LISTS)
def test_what_is_open_names_an_area_and_what_is_left_out_a_reason(project: Path, name: str) -> None:
    for match in lines(project, name):
        if match[4].startswith("open: "):
            assert match[4][6:] in AREAS, match[0]
        if match[4].startswith("n/a: "):
            assert len(match[4]) > 20, match[0]


@pytest.mark.parametrize("name", LISTS)
def test_what_is_delivered_names_its_proof(project: Path, name: str) -> None:
    proven = {
        f"{match[1]}-{int(match[2])}"
        for match in lines(project, name)
        if match[4].startswith("tests/")
    }
    assert DELIVERED[name] - proven == set()
