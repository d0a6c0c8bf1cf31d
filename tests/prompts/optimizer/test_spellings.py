"""Spellings: what people write between commas finds its slot, and no spelling has two places."""

from collections.abc import Callable

import pytest

from prompts.optimizer import Result, starter_data
from prompts.optimizer.text import words

Run = Callable[..., Result]


def slot_of(result: Result, text: str) -> str:
    return next(
        (slot for slot, found in result.slots.items() if any(f.text == text for f in found)), ""
    )


def test_no_spelling_belongs_to_two_terms() -> None:
    owners: dict[str, tuple[str, str]] = {}
    for row in starter_data()["terms"]:
        for spelling in (row["text"], *row["aliases"]):
            owner = (row["slot"], row["text"])
            assert owners.setdefault(" ".join(words(spelling)), owner) == owner, spelling


def test_every_vague_alias_is_an_alias() -> None:
    for row in starter_data()["terms"]:
        assert set(row["vague_aliases"]) <= set(row["aliases"]), row["text"]


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("cinematic", "style"),
        ("filmic", "style"),
        ("35mm film", "style"),
        ("35 mm film", "style"),
        ("shot on 35mm film", "style"),
        ("photoreal", "style"),
        ("raw photo", "style"),
        ("aquarelle", "style"),
        ("sketch", "style"),
        ("8-bit", "style"),
        ("cgi", "style"),
        ("sunlight", "lighting"),
        ("neon", "lighting"),
        ("volumetric", "lighting"),
        ("sunbeams", "lighting"),
        ("35 mm", "composition"),
        ("85 mm lens", "composition"),
        ("bokeh blur", "composition"),
        ("blurry background", "composition"),
        ("close up", "composition"),
        ("wide angle", "composition"),
        ("ultra-wide", "composition"),
        ("headshot", "composition"),
        ("top-down", "composition"),
        ("dreamlike", "mood"),
        ("nostalgia", "mood"),
        ("pastel tones", "color_grade"),
        ("colourful", "color_grade"),
        ("portra", "color_grade"),
        ("slow-mo", "extra"),
        ("extremely detailed", "quality"),
    ],
)
def test_a_word_between_commas_finds_its_slot(run: Run, text: str, slot: str) -> None:
    result = run(f"a keeper in a small kitchen, {text}")
    assert slot_of(result, text) == slot
    assert [f.text for f in result.slots["subject"]] == ["a keeper in a small kitchen"]


@pytest.mark.parametrize(
    "idea",
    [
        "a cinematic chase through the old town at night with many people",
        "a realistic fox",
        "the sketch of a plan on a table",
        "neon noodle bar",
        "a portra of colourful birds over the wide plain",
    ],
)
def test_the_same_word_in_a_sentence_stays_with_the_subject(run: Run, idea: str) -> None:
    assert slot_of(run(idea), idea) == "subject"


def test_cinematic_goes_with_any_medium(run: Run) -> None:
    for medium in ("anime", "oil painting", "photograph", "3d render"):
        result = run(f"a dragon over a lake, {medium}, cinematic")
        assert slot_of(result, "cinematic") == slot_of(result, medium) == "style"


def test_a_long_idea_is_sorted_into_its_slots(run: Run) -> None:
    result = run(
        "a lighthouse keeper's kitchen at dawn, fog outside the window, cinematic, 35mm film, "
        "bokeh blur, close up, volumetric light, teal and orange, film grain"
    )
    assert [f.text for f in result.slots["style"]] == ["cinematic", "35mm film"]
    assert [f.text for f in result.slots["composition"]] == ["bokeh blur", "close up"]
    assert [f.text for f in result.slots["subject"]][:2] == [
        "a lighthouse keeper's kitchen at dawn",
        "fog outside the window",
    ]
