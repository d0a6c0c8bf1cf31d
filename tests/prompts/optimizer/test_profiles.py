"""Profiles and presets: an edit either works everywhere or is refused with a reason."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from prompts.optimizer import (
    PLATFORMS,
    OptimizeRequest,
    Vocabulary,
    choices_of,
    optimize,
    starter_data,
    try_out,
)

Data = dict[str, Any]
WRONG = (
    None,
    True,
    -1,
    0,
    2**60,
    float("nan"),
    "",
    "\ud800",
    "x",
    [],
    ["x"],
    [[0, 1]],
    {},
    {"x": 1},
)
DATA = starter_data()
# The profiles are what is changed here: few other rows make it quick.
SMALL = {**DATA, "terms": DATA["terms"][:50], "suggestions": DATA["suggestions"][:20]}
IDEAS = ("a fox --ar 16:9 --s 900 --raw --cref https://example.org/a.png -camera pan left", "fox")


def edits() -> Iterator[tuple[str, Callable[[Data], None]]]:
    """Yield a name and an edit for every key of every profile's settings and for whole rows."""
    for number, row in enumerate(DATA["platforms"]):
        name = f"{row['platform']} {row['version']}"
        for value in (*WRONG, {"a": 1}, 3):
            yield f"{name} settings={value!r}", edit(number, ("settings",), value)
        yield f"{name} off", edit(number, ("active",), False)
        yield f"{name} renamed", edit(number, ("platform",), "other")
        yield f"{name} default turned", edit(number, ("default",), not row["default"])
        for key, old in row["settings"].items():
            yield f"{name} without {key}", without(number, ("settings", key))
            for value in WRONG:
                yield f"{name} {key}={value!r}", edit(number, ("settings", key), value)
            for inner in old if isinstance(old, dict) else ():
                yield f"{name} {key} without {inner}", without(number, ("settings", key, inner))
                yield f"{name} {key}.{inner}=x", edit(number, ("settings", key, inner), "x")
                for deep in old[inner] if isinstance(old[inner], dict) else ():
                    path = ("settings", key, inner, deep)
                    yield f"{name} {path} gone", without(number, path)
                    yield f"{name} {path}=x", edit(number, path, "x")


def edit(number: int, path: tuple[str, ...], value: Any) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        place = data["platforms"][number]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def without(number: int, path: tuple[str, ...]) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        place = data["platforms"][number]
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


def works_everywhere(vocabulary: Vocabulary) -> None:
    """Do what the pages do: fill the form's lists, then draw with every version and preset."""
    for field, choices in choices_of(vocabulary).items():
        known = field.endswith("_version") or field in ("preset", "sampler", "scheduler")
        for value, _ in choices if known else choices[:2]:
            for idea in IDEAS:
                optimize(OptimizeRequest.parse({"idea": idea, field: value}), vocabulary)


def test_every_edit_of_a_profile_works_or_is_refused_with_a_reason() -> None:
    refused = kept = 0
    for name, change in edits():
        data = {**SMALL, "platforms": copy.deepcopy(DATA["platforms"])}
        change(data)
        try:
            vocabulary = Vocabulary.from_data(data)
        except ValueError as error:
            assert len(str(error)) > 20, name
            refused += 1
            continue
        kept += 1
        works_everywhere(vocabulary)
    assert refused > 1000
    assert kept > 50


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_platform_has_exactly_one_default_that_is_on(platform: str) -> None:
    rows = copy.deepcopy(DATA["platforms"])
    mine = [row for row in rows if row["platform"] == platform]
    default = next(row for row in mine if row["default"])
    default["active"] = False
    with pytest.raises(ValueError, match=f"{platform} needs a profile"):
        Vocabulary.from_data({**DATA, "platforms": rows})
    default["active"] = True
    twin = {**default, "version": "twin", "title": "The twin"}
    with pytest.raises(ValueError, match="is the default already"):
        Vocabulary.from_data({**DATA, "platforms": [*rows, twin]})
    assert Vocabulary.from_data({**DATA, "platforms": rows}).profile(platform) is not None


@pytest.mark.parametrize(
    ("key", "change", "told"),
    [
        ("presets", {"slots": []}, "one slot per line"),
        ("presets", {"slots": "style: anime"}, "one slot per line"),
        ("presets", {"slots": {"sound": ["loud"]}}, "no slot “sound”"),
        ("presets", {"slots": {"style": "anime"}}, "list of words"),
        ("presets", {"slots": {"style": [7]}}, "list of words"),
        ("presets", {"aspect_ratio": "wide"}, "looks like 16:9"),
        ("presets", {"aspect_ratio": "16x9"}, "looks like 16:9"),
        ("presets", {"aspect_ratio": "9:1"}, "looks like 16:9"),
        ("terms", {"slot": "sound"}, "Unknown slot"),
        ("terms", {"aliases": {"a": 1}}, "list of words"),
        ("terms", {"tags": [1]}, "list of words"),
        ("terms", {"negatives": "dust"}, "list of words"),
        ("terms", {"params": ["zoom in"]}, "params look like"),
        ("terms", {"params": {"pika": 3}}, "params look like"),
        ("conflicts", {"sides": "golden hour"}, "sides must be lists"),
        ("conflicts", {"sides": ["golden hour"]}, "list of words"),
        ("conflicts", {"unless": {"a": 1}}, "list of words"),
        ("negatives", {"when": "person"}, "list of words"),
    ],
)
def test_a_row_of_another_shape_is_refused_by_name(key: str, change: Data, told: str) -> None:
    rows = copy.deepcopy(DATA[key])
    rows[0].update(change)
    with pytest.raises(ValueError, match=told):
        Vocabulary.from_data({**DATA, key: rows})


def test_the_trial_names_what_does_not_work() -> None:
    rows = copy.deepcopy(DATA["platforms"])
    twin = {**rows[2], "version": "V9", "default": False, "title": "Midjourney nine"}
    vocabulary = Vocabulary.from_data({**DATA, "platforms": [*rows, twin]})
    with pytest.raises(ValueError, match="Midjourney nine does not work"):
        try_out(vocabulary)
    try_out(Vocabulary.from_data(DATA))
