"""One idea in, one ordered prompt and five configurations out."""

from collections.abc import Callable

import pytest

from prompts.optimizer import SLOTS, OptimizeRequest, Result, Vocabulary, optimize_many

Run = Callable[..., Result]
FULL_INPUT = {
    "negative": "crowds",
    "aspect_ratio": "16:9",
    "lighting": "golden hour",
    "color_grade": "teal and orange",
    "extra_tags": ["sea spray", "gulls"],
}


def texts(result: Result, slot: str) -> list[str]:
    return [fragment.text for fragment in result.slots[slot]]


def test_a_rough_idea_becomes_a_full_prompt_without_any_service(run: Run) -> None:
    result = run("old lighthouse on a cliff")
    assert "old lighthouse on a cliff" in result.prompt
    for slot in SLOTS[:-1]:
        assert result.slots[slot], slot
    assert len(result.prompt) > len("old lighthouse on a cliff") * 3


def test_the_exact_input_of_the_form_is_taken_and_used(run: Run) -> None:
    result = run("old lighthouse on a cliff", **FULL_INPUT)
    assert texts(result, "lighting") == ["golden hour"]
    assert texts(result, "color_grade") == ["teal and orange"]
    assert texts(result, "extra") == ["sea spray", "gulls"]
    assert result.negative.startswith("crowds, ")
    assert result.platforms["sdxl"]["aspect_ratio"] == "16:9"


def test_scattered_parts_are_put_into_the_strict_order(run: Run) -> None:
    result = run(
        "teal and orange, melancholic, wide shot, golden hour, oil painting, a lone tree, 8k",
        extra_tags="wind",
    )
    assert result.prompt == (
        "8k, a lone tree, oil painting, golden hour, wide shot, melancholic, teal and orange, wind"
    )
    assert tuple(result.slots) == SLOTS


def test_the_answer_has_one_shape(run: Run) -> None:
    answer = run("a cat", **FULL_INPUT).as_dict()
    assert list(answer) == [
        "prompt", "negative", "slots", "dropped", "platforms", "tokens", "hints",
        "vocabulary_version",
    ]  # fmt: skip
    assert list(answer["platforms"]) == ["sdxl", "comfyui", "midjourney", "pika", "runway"]
    for fragments in answer["slots"].values():
        for fragment in fragments:
            assert list(fragment) == ["text", "origin", "rule", "reason"]
            assert fragment["origin"] in {"user", "inferred", "preset", "default"}
            assert fragment["reason"].endswith(".")
    assert "workflow" in answer["platforms"]["comfyui"]
    assert answer["vocabulary_version"] == "starter-1"


def test_every_keyword_category_has_terms(vocabulary: Vocabulary) -> None:
    families = {term.family for term in vocabulary.by_slot["style"]}
    assert {"photo", "paint", "draw", "3d", "movement"} <= families
    assert len(vocabulary.by_slot["quality"]) >= 20
    assert len(vocabulary.by_slot["mood"]) >= 40
    assert len(vocabulary.by_slot["composition"]) >= 40
    assert "rule of thirds" in vocabulary.terms
    assert "long exposure" in vocabulary.terms


def test_repeated_terms_stay_once_in_their_first_place(run: Run) -> None:
    result = run("a cat, bokeh, rim light, Bokeh, a cat, rim lighting, close-up")
    assert texts(result, "subject") == ["a cat"]
    assert texts(result, "composition") == ["bokeh", "close-up"]
    assert texts(result, "lighting") == ["rim light"]
    losses = [(item.text, item.rule, item.winner) for item in result.dropped]
    assert ("Bokeh", "duplicate", "bokeh") in losses
    assert ("rim lighting", "duplicate", "rim light") in losses
    assert ("a cat", "duplicate", "a cat") in losses


def test_a_term_in_the_sentence_is_not_said_again(run: Run) -> None:
    result = run("a castle at golden hour", lighting="golden hour")
    assert result.prompt.count("golden hour") == 1
    assert ("golden hour", "duplicate", "a castle at golden hour") in result.dropped


def test_of_clashing_styles_the_first_stays_and_is_named(run: Run) -> None:
    result = run("a cat, oil painting, anime, photorealistic")
    assert texts(result, "style") == ["oil painting"]
    assert ("anime", "C1", "oil painting") in result.dropped
    assert ("photorealistic", "C1", "oil painting") in result.dropped


def test_mixed_media_may_mix_media(run: Run) -> None:
    result = run("a cat, oil painting, anime, mixed media")
    assert texts(result, "style") == ["oil painting", "anime", "mixed media"]


def test_the_words_of_the_subject_are_never_changed(run: Run) -> None:
    idea = "An  old MAN's cat (black) — asleep;  in Zürich's “Café”, 1,000 lanterns"
    subject = ", ".join(texts(run(idea), "subject"))
    assert subject == "An old MAN's cat (black) — asleep; in Zürich's “Café”, 1,000 lanterns"


def test_short_ideas_are_never_padded(run: Run) -> None:
    assert len(run("a cat").prompt) < 300


def test_too_many_extras_go_first_and_the_prompt_ends_nearly_full(run: Run) -> None:
    tags = [f"tiny painted wooden boat number {n}" for n in range(40)]
    result = run("a harbour", lighting="golden hour", extra_tags=tags)
    assert 800 <= len(result.prompt) <= 850
    left_out = [item for item in result.dropped if item.rule == "length"]
    assert left_out
    assert all(item.text in tags for item in left_out)
    for slot in SLOTS[:-1]:
        assert result.slots[slot], slot


def test_the_choice_of_extras_reaches_800_where_some_choice_does(run: Run) -> None:
    subject = "x" * 695
    # Taking the first two in order would end at 775 and leave no room for the third.
    tags = ["a" * 40, "b" * 36, "c" * 99]
    result = run(subject, extra_tags=tags)
    assert 800 <= len(result.prompt) <= 850


@pytest.mark.parametrize("unit", ["a long walk, ", "a long walk ", "abcdefghij", "👩‍👩‍👧", "汉字"])
def test_a_long_subject_is_cut_and_the_rest_is_named(run: Run, unit: str) -> None:
    idea = "".join(f"{unit}{n}" for n in range(400))[:3000]
    result = run(idea)
    assert 800 <= len(result.prompt) <= 850
    rest = [item.text for item in result.dropped if item.rule == "length"][0]
    subject = ", ".join(texts(result, "subject"))
    plain = str.maketrans("", "", " ,")
    assert (subject + rest).translate(plain) == idea.translate(plain)


def test_a_long_subject_is_cut_after_a_sentence_where_one_ends_in_time(run: Run) -> None:
    idea = ("word " * 163).strip() + ". " + "tail " * 60
    subject = texts(run(idea), "subject")[0]
    assert subject == ("word " * 163).strip()


def test_what_was_stated_keeps_its_place_beside_a_subject_that_is_cut(run: Run) -> None:
    result = run("a road that goes on " * 60, lighting="blue hour", style="gouache")
    assert texts(result, "lighting") == ["blue hour"]
    assert texts(result, "style") == ["gouache"]
    assert 800 <= len(result.prompt) <= 850


def test_a_preset_fills_only_what_was_left_open(run: Run) -> None:
    result = run("a detective", preset="noir", lighting="neon lighting")
    assert texts(result, "lighting") == ["neon lighting"]
    assert texts(result, "color_grade") == ["black and white", "high contrast"]
    style = result.slots["style"][0]
    assert (style.text, style.origin, style.rule) == ("film noir", "preset", "preset.noir")


def test_an_unwanted_word_is_not_filled_in(run: Run) -> None:
    plain = run("a bowl of ramen")
    word = plain.slots["lighting"][0].text
    assert texts(run("a bowl of ramen", negative=word), "lighting") != [word]
    assert "masterpiece" not in run("a cat --no masterpiece").prompt


def test_no_artist_is_named_by_default(vocabulary: Vocabulary, run: Run) -> None:
    assert not any(" by " in f" {term.text} " for term in vocabulary.terms.values())
    assert " by " not in run("a portrait of a sailor").prompt


def test_hints_speak_of_faces_warped_motion_and_busy_pictures(run: Run) -> None:
    hints = {hint.code: hint.text for hint in run("a girl with a red scarf").hints}
    assert "face" in hints["faces"].lower()
    assert "warping" in hints["motion"]
    assert "Busy" in hints["busy"]


def test_words_that_pull_apart_softly_stay_and_give_a_hint(run: Run) -> None:
    result = run("a cat, tack-sharp, long exposure")
    assert "C21" in {hint.code for hint in result.hints}
    assert "long exposure" in result.prompt


def test_an_idea_without_a_subject_says_so(run: Run) -> None:
    result = run("golden hour, bokeh")
    assert "subject" in {hint.code for hint in result.hints}


def test_a_tag_becomes_the_subject_when_there_is_none(run: Run) -> None:
    assert texts(run("golden hour", extra_tags=["robot", "bokeh"]), "subject") == ["robot"]


def test_lines_part_an_idea_as_commas_do(run: Run) -> None:
    result = run("a fox in the snow\noil painting\r\nblue hour")
    assert texts(result, "style") == ["oil painting"]
    assert texts(result, "lighting") == ["blue hour"]


def test_many_ideas_give_many_results_in_order(vocabulary: Vocabulary) -> None:
    requests = [OptimizeRequest.parse({"idea": idea}) for idea in ("a cat", "a dog", "a fox")]
    prompts = [result.prompt for result in optimize_many(requests, vocabulary)]
    assert ["a cat" in prompts[0], "a dog" in prompts[1], "a fox" in prompts[2]] == [True] * 3
