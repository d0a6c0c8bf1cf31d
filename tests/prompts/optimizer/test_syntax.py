"""What people paste along with an idea becomes safe."""

from collections.abc import Callable

import pytest

from prompts.optimizer import Result
from prompts.optimizer.syntax import read_syntax

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("a (wet fox:1.3) runs", "a wet fox runs"),
        ("((a cat))", "((a cat))"),
        ("a {red|blue} door", "a red door"),
        ("a cat <lora:style_v2:0.8> asleep", "a cat asleep"),
        ("a cat BREAK a dog", "a cat , a dog"),
        ("a cat::2 dog::-.5", "a cat, dog,"),
        ("a \\(b\\)", "a (b)"),
        ("[day:night:0.5]", "day"),
        ("a cat embedding:easyneg here", "a cat here"),
        ("b:1.2) left", "b left"),
        ("((a:1.1):1.2)", "a"),
        ("well--known, cat-like --wonky thing", "well--known, cat-like wonky thing"),
        ("a man—tall — and old", "a man—tall — and old"),
    ],
)
def test_markup_becomes_plain_words(typed: str, plain: str) -> None:
    assert read_syntax(typed).text == plain


@pytest.mark.parametrize("dash", ["--", "—", "–", "−"])
def test_flags_are_lifted_out_also_with_the_dashes_of_phones(run: Run, dash: str) -> None:
    result = run(f"a cat {dash}ar 3:2 {dash}no dogs, rain {dash}seed 7")
    assert [fragment.text for fragment in result.slots["subject"]] == ["a cat"]
    assert result.platforms["midjourney"]["flags"]["ar"] == "3:2"
    assert result.platforms["sdxl"]["seed"] == 7
    assert result.negative.startswith("dogs, rain, ")


def test_the_option_wins_over_a_typed_flag(run: Run) -> None:
    result = run("a cat --ar 3:2", aspect_ratio="1:1")
    assert result.platforms["sdxl"]["aspect_ratio"] == "1:1"
    assert ("--ar 3:2", "option", "--ar 1:1") in result.dropped


def test_words_after_neg_are_unwanted(run: Run) -> None:
    result = run("a cat -neg fog, rust -motion 3")
    assert result.negative.startswith("fog, rust, ")
    assert result.platforms["pika"]["motion"] == 3


def test_what_was_taken_out_is_named(run: Run) -> None:
    result = run("a {red|blue} cat <lora:x:1>")
    assert ("{red|blue}", "syntax", "red") in result.dropped
    assert ("<lora:x:1>", "syntax", "") in result.dropped


def test_brackets_around_a_part_come_off(run: Run) -> None:
    result = run("((a cat)), [soft fur], (a (grey) dog)")
    assert [f.text for f in result.slots["subject"]] == ["a cat", "soft fur", "a (grey) dog"]


@pytest.mark.parametrize(
    "text",
    ["a--ar 1:1", "-" * 2000, "(" * 4000, "{" * 2000 + "}" * 2000, "(a:1" * 900 + ")" * 400,
     "<lora:" * 600, "--no " * 700, "a::" * 1300, "[a|" * 1300, "BREAK" * 700 + " BREAK" * 80],
)  # fmt: skip
def test_hostile_markup_ends_quickly_and_is_read_once(text: str) -> None:
    once = read_syntax(text[:4000])
    assert read_syntax(once.text).text == once.text


def test_a_part_that_says_no_is_unwanted_not_wanted(run: Run) -> None:
    result = run("a neon diner, no people, without cars")
    assert [fragment.text for fragment in result.slots["subject"]] == ["a neon diner"]
    assert result.negative.startswith("people, cars, ")
    assert ("no people", "negation", "negative: people") in result.dropped


def test_a_subject_that_begins_with_no_stays_also_the_second_time(run: Run) -> None:
    first = run("no man's land, fog")
    assert "no man's land" in first.prompt
    assert run(first.prompt).prompt == first.prompt
