"""What is refused, with a stable code, the field and plain words."""

from typing import Any

import pytest

from prompts.optimizer import OptimizeInputError, OptimizeRequest, Vocabulary, check_choices


@pytest.mark.parametrize(
    ("data", "code", "field"),
    [
        ({}, "missing_field", "idea"),
        ({"idea": None}, "missing_field", "idea"),
        ({"idea": " \n\t\x00 "}, "missing_field", "idea"),
        ({"idea": 5}, "invalid_type", "idea"),
        ({"idea": ["a"]}, "invalid_type", "idea"),
        ({"idea": "x" * 4001}, "too_long", "idea"),
        ({"idea": "a", "negative": 3}, "invalid_type", "negative"),
        ({"idea": "a", "negative": "x" * 1001}, "too_long", "negative"),
        ({"idea": "a", "aspect_ratio": "wide"}, "invalid_value", "aspect_ratio"),
        ({"idea": "a", "aspect_ratio": "0:1"}, "invalid_value", "aspect_ratio"),
        ({"idea": "a", "aspect_ratio": "9:1"}, "invalid_value", "aspect_ratio"),
        ({"idea": "a", "aspect_ratio": 1.5}, "invalid_type", "aspect_ratio"),
        ({"idea": "a", "lighting": ["soft"]}, "invalid_type", "lighting"),
        ({"idea": "a", "lighting": "x" * 201}, "too_long", "lighting"),
        ({"idea": "a", "extra_tags": {"a": 1}}, "invalid_type", "extra_tags"),
        ({"idea": "a", "extra_tags": ["a", 1]}, "invalid_type", "extra_tags"),
        ({"idea": "a", "extra_tags": ["a"] * 51}, "too_long", "extra_tags"),
        ({"idea": "a", "extra_tags": ["x" * 101]}, "too_long", "extra_tags"),
        ({"idea": "a", "seed": -1}, "invalid_value", "seed"),
        ({"idea": "a", "seed": 2**64}, "invalid_value", "seed"),
        ({"idea": "a", "seed": True}, "invalid_type", "seed"),
        ({"idea": "a", "steps": 61}, "invalid_value", "steps"),
        ({"idea": "a", "steps": 1.5}, "invalid_type", "steps"),
        ({"idea": "a", "cfg": 0}, "invalid_value", "cfg"),
        ({"idea": "a", "cfg": float("nan")}, "invalid_value", "cfg"),
        ({"idea": "a", "midjourney_version": []}, "invalid_type", "midjourney_version"),
        ({"idea": "a", "width": 5}, "unknown_field", "width"),
        ({"idea": "a", "self": 5}, "unknown_field", "self"),
        ([], "invalid_type", ""),
    ],
)
def test_a_wrong_input_is_refused_and_named(data: Any, code: str, field: str) -> None:
    with pytest.raises(OptimizeInputError) as caught:
        OptimizeRequest.parse(data)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize(
    "field",
    ["preset", "sampler", "scheduler", "midjourney_version", "pika_version", "runway_version"],
)
def test_an_unknown_choice_is_refused_with_the_known_ones(
    vocabulary: Vocabulary, field: str
) -> None:
    with pytest.raises(OptimizeInputError) as caught:
        check_choices(OptimizeRequest.parse({"idea": "a", field: "nothing"}), vocabulary)
    assert (caught.value.code, caught.value.field) == ("invalid_value", field)
    assert "Choose one of" in caught.value.message


@pytest.mark.parametrize("given", ["16:9", "16x9", "16 / 9", "16×9", " 16 : 9 "])
def test_aspect_ratios_are_read_in_any_usual_writing(given: str) -> None:
    assert OptimizeRequest.parse({"idea": "a", "aspect_ratio": given}).aspect_ratio == "16:9"


def test_tags_come_as_a_list_or_as_text_with_commas() -> None:
    one = OptimizeRequest.parse({"idea": "a", "extra_tags": "b, c,, d "})
    two = OptimizeRequest.parse({"idea": "a", "extra_tags": ["b", "c", "", "d"]})
    assert one.extra_tags == two.extra_tags == ("b", "c", "d")


def test_numbers_come_as_text_too_as_forms_send_them() -> None:
    request = OptimizeRequest.parse({"idea": "a", "seed": "7", "steps": "", "cfg": "6.5"})
    assert (request.seed, request.steps, request.cfg) == (7, None, 6.5)


def test_versions_come_as_numbers_or_with_a_v() -> None:
    for given in ("7", "v7", "V7", 7, 7.0):
        request = OptimizeRequest.parse({"idea": "a", "midjourney_version": given})
        assert request.midjourney_version == "7"


def test_exactly_4000_characters_are_taken() -> None:
    assert len(OptimizeRequest.parse({"idea": "x" * 4000}).idea) == 4000
