"""The negative prompt follows from style and subject."""

from collections.abc import Callable

import pytest

from prompts.optimizer import Result, Vocabulary

Run = Callable[..., Result]


def words_of(result: Result) -> set[str]:
    return set(result.negative.split(", "))


def groups_of(result: Result, vocabulary: Vocabulary) -> set[str]:
    return {vocabulary.negatives_by_text[word].group for word in words_of(result)}


def test_a_picture_of_a_person_draws_on_all_four_groups(run: Run, vocabulary: Vocabulary) -> None:
    result = run("a man with a hat, photorealistic")
    assert groups_of(result, vocabulary) == {"anatomy", "artifacts", "branding", "style"}
    assert result.tokens["negative"] <= 75


def test_anatomy_guards_people(run: Run) -> None:
    assert {"bad anatomy", "extra limbs", "extra fingers"} <= words_of(run("a dancer"))


def test_artifacts_branding_and_style_guard_every_picture(run: Run) -> None:
    words = words_of(run("a stone bridge"))
    assert {"low quality", "jpeg artifacts", "blurry"} <= words
    assert {"watermark", "signature", "logo", "text"} <= words
    assert {"poor composition", "cartoon"} <= words


def test_without_a_living_being_there_is_no_anatomy(run: Run, vocabulary: Vocabulary) -> None:
    assert "anatomy" not in groups_of(run("a stone bridge over a river"), vocabulary)


def test_an_animal_gets_no_fingers_and_skin(run: Run) -> None:
    words = words_of(run("a fox in the snow"))
    assert "bad anatomy" in words
    assert words.isdisjoint({"extra fingers", "mutated hands", "plastic skin"})


@pytest.mark.parametrize(
    ("idea", "present", "absent"),
    [
        ("a bridge, photorealistic", {"cartoon", "anime", "painting"}, {"photo", "photorealistic"}),
        ("a bridge, oil painting", {"photo", "photorealistic"}, {"anime", "painting", "cartoon"}),
        ("a girl, anime", {"photo", "photorealistic"}, {"anime", "painting", "sketch"}),
        ("a bridge, kodak portra 400", set(), {"grainy", "noise"}),
        ("a bridge, film noir", set(), {"grainy", "noise"}),
        ("a bridge, bokeh", set(), {"blurry", "out of focus"}),
        ("a bridge, long exposure", set(), {"blurry", "out of focus"}),
        ("a poster for a bakery", {"watermark"}, {"text"}),
        ("a neon sign", set(), {"text"}),
        ("a bridge, black and white", set(), {"dull colors"}),
        ("a chair, minimalism", {"cluttered background"}, set()),
        ("a chair, negative space", {"cluttered background"}, set()),
        ("a chair, low-key lighting", set(), {"underexposed"}),
        ("a sword, pixel art", set(), {"pixelated"}),
    ],
)
def test_conditions_add_and_take_away(
    run: Run, idea: str, present: set[str], absent: set[str]
) -> None:
    words = words_of(run(idea))
    assert present <= words
    assert words.isdisjoint(absent)


def test_a_word_of_the_prompt_is_not_unwanted(run: Run) -> None:
    result = run("a bottle with a painted watermark, photorealistic")
    assert "watermark" not in words_of(result)
    assert ("watermark", "C24", "a bottle with a painted watermark") in result.dropped


def test_the_persons_own_words_stand_first_and_once(run: Run) -> None:
    result = run("a bridge", negative="no rust, without cars, Rust, blurry")
    assert result.negative.split(", ")[:3] == ["rust", "cars", "blurry"]
    assert result.negative.split(", ").count("blurry") == 1


def test_a_long_list_keeps_within_850_characters(run: Run) -> None:
    result = run("a bridge", negative=", ".join(f"unwanted thing {n}" for n in range(50)))
    assert len(result.negative) <= 850
