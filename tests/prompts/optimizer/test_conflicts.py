"""The conflict sets C1 to C23, pair by pair; C24 to C26 have rules of their own."""

from collections.abc import Callable

import pytest

from prompts.optimizer import Result, starter_data

Run = Callable[..., Result]
HARD = [
    ("C1", "oil painting", "photorealistic"),
    ("C1", "anime", "3d render"),
    ("C1", "pencil sketch", "pixel art"),
    ("C2", "low-key lighting", "high-key lighting"),
    ("C3", "soft light", "hard light"),
    ("C3", "overcast light", "harsh midday sun"),
    ("C4", "golden hour", "blue hour"),
    ("C4", "moonlight", "golden hour"),
    ("C5", "black and white", "vibrant colors"),
    ("C5", "sepia", "teal and orange"),
    ("C6", "muted colors", "saturated colors"),
    ("C7", "high contrast", "low contrast"),
    ("C8", "warm tones", "cool tones"),
    ("C9", "close-up", "wide shot"),
    ("C10", "low angle", "high angle"),
    ("C11", "bokeh", "deep focus"),
    ("C12", "symmetrical", "rule of thirds"),
    ("C13", "fisheye lens", "85mm lens"),
    ("C15", "serene", "chaotic"),
    ("C16", "joyful", "somber"),
    ("C17", "cozy", "menacing"),
    ("C18", "utopian", "dystopian"),
    ("C19", "static shot", "orbit"),
    ("C20", "pan left", "crane up"),
]
SOFT = [
    ("C14", "minimalism", "baroque"),
    ("C21", "long exposure", "tack-sharp"),
    ("C22", "polaroid", "8k"),
    ("C23", "line art", "volumetric lighting"),
]


@pytest.mark.parametrize(("code", "first", "second"), HARD)
def test_of_two_that_clash_the_first_stays(run: Run, code: str, first: str, second: str) -> None:
    for winner, loser in ((first, second), (second, first)):
        result = run(f"a chair, {winner}, {loser}")
        assert (loser, code, winner) in result.dropped
        assert f", {winner}" in result.prompt
        assert loser not in result.prompt.split(", ")


@pytest.mark.parametrize(("code", "first", "second"), SOFT)
def test_two_that_pull_apart_softly_stay_with_a_hint(
    run: Run, code: str, first: str, second: str
) -> None:
    result = run(f"a chair, {first}, {second}")
    parts = result.prompt.split(", ")
    assert first in parts
    assert second in parts
    assert code in {hint.code for hint in result.hints}


def test_an_option_wins_over_words_beside_the_idea(run: Run) -> None:
    result = run("a chair, blue hour", lighting="golden hour")
    assert ("blue hour", "C4", "golden hour") in result.dropped


def test_the_sentence_wins_over_an_option(run: Run) -> None:
    result = run("an oil painting of a chair", style="photorealistic")
    assert ("photorealistic", "C1", "an oil painting of a chair") in result.dropped


def test_nothing_filled_in_clashes_with_the_sentence(run: Run) -> None:
    result = run("a watercolor of a harbour at blue hour in cool tones")
    filled = [f for fs in result.slots.values() for f in fs if f.origin != "user"]
    assert {"golden hour", "warm tones", "photorealistic"}.isdisjoint(f.text for f in filled)


def test_wanted_beats_unwanted(run: Run) -> None:
    result = run("a dog in the fog, bokeh", negative="fog, bokeh, rust")
    assert ("fog", "C24", "a dog in the fog") in result.dropped
    assert ("bokeh", "C24", "bokeh") in result.dropped
    assert result.negative.startswith("rust, ")


def test_a_raw_look_with_strong_stylizing_gives_a_hint(run: Run) -> None:
    codes = {hint.code for hint in run("a cat --style raw --s 600").hints}
    assert "C26" in codes
    assert "C26" not in {hint.code for hint in run("a cat --style raw --s 200").hints}


def test_all_26_sets_are_in_the_starter_data() -> None:
    codes = {row["code"] for row in starter_data()["conflicts"]}
    assert codes == {f"C{number}" for number in range(1, 27)}
