"""What holds for every idea and every option, tried on generated ones."""

import json
import unicodedata
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from prompts.optimizer import SLOTS, OptimizeRequest, Result, Vocabulary, optimize, starter_data
from prompts.optimizer.reading import split_parts
from prompts.optimizer.syntax import read_syntax
from prompts.optimizer.text import key_of, words

DATA = starter_data()
VOCABULARY = Vocabulary.from_data(DATA)
TERMS = [row["text"] for row in DATA["terms"] if row["slot"] != "subject"]
ALIASES = [alias for row in DATA["terms"] for alias in row["aliases"]]
CUES = [row["text"] for row in DATA["terms"] if row["slot"] == "subject"]
NEGATIVES = [row["text"] for row in DATA["negatives"]]
MARKUP = [
    "no people",
    "without old cars",
    "(wet fur:1.2)", "((glow))", "{red|blue} door", "<lora:thing:0.8>", "BREAK", "[rain]", "a::2 b",
    "--ar 16:9", "\u2014ar 3:2", "-neg fog, rust", "--no bokeh, dogs", "-camera zoom in", "\\(x\\)",
    "--v 7", "--cref http://e.x/a.png", "(a", "b:1.2)", "[x:y:0.5]", "1,000 lanterns", "--s 900",
    "embedding:bad", "in the style of ukiyo-e", "golden hour light", "BREAKFAST", "say \"hi, you\"",
]  # fmt: skip
UNICODE = [
    "\ud800",
    "e\u0301\u0301",
    "👩‍👩‍👧",
    "🇳🇴🇳🇴",
    "مدينة قديمة",
    "一只猫，坐在窗边",
    "각",
    "\x00",
    "\u202e",
]

OTHER_TEXTS = ("Runway:", "Negative:", "--no ")  # left out of another text than the prompt

piece = st.one_of(
    st.sampled_from(TERMS),
    st.sampled_from(ALIASES),
    st.sampled_from(CUES),
    st.sampled_from(MARKUP),
    st.sampled_from(UNICODE),
    st.text(max_size=25),
    st.lists(st.sampled_from(CUES + TERMS), min_size=2, max_size=9).map(" ".join),
    st.integers(1, 90).map(lambda n: "long road " * n),
    st.integers(1, 950).map(lambda n: "x" * n),
)
idea = st.lists(piece, min_size=1, max_size=14).flatmap(
    lambda parts: st.sampled_from([", ", " ", ","]).map(lambda join: join.join(parts)[:4000])
)
option = st.one_of(
    st.just(""),
    st.lists(st.one_of(st.sampled_from(TERMS), piece), max_size=2).map(
        lambda parts: ", ".join(parts)[:200]
    ),
)
options = st.fixed_dictionaries(
    {},
    optional={
        "lighting": option,
        "color_grade": option,
        "style": option,
        "composition": option,
        "mood": option,
        "negative": st.lists(
            st.one_of(st.sampled_from(NEGATIVES + TERMS), st.text(max_size=20)), max_size=5
        ).map(", ".join),
        "extra_tags": st.lists(piece.map(lambda text: text[:100]), max_size=8),
        "preset": st.sampled_from([row["code"] for row in DATA["presets"]]),
        "midjourney_version": st.sampled_from(["6", "6.1", "7", "8.1"]),
        "pika_version": st.sampled_from(["bot", "2.2"]),
        "runway_version": st.sampled_from(["gen4.5", "gen4", "gen3"]),
        "aspect_ratio": st.sampled_from(["16:9", "4:5", "37:20"]),
        "motion": option,
    },
)
thorough = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def run(text: str, chosen: dict[str, Any]) -> Result:
    if not text.split():
        text = "cat"
    try:
        request = OptimizeRequest.parse({"idea": text, **chosen})
    except ValueError:
        request = OptimizeRequest.parse({"idea": "cat " + text})
    return optimize(request, VOCABULARY)


@thorough
@given(idea, options)
def test_the_prompt_is_the_slots_in_strict_order(text: str, chosen: dict[str, Any]) -> None:
    result = run(text, chosen)
    assert tuple(result.slots) == SLOTS
    parts = [fragment.text for slot in SLOTS for fragment in result.slots[slot]]
    assert result.prompt == ", ".join(parts)


@thorough
@given(idea, options)
def test_no_prompt_is_longer_than_850_characters(text: str, chosen: dict[str, Any]) -> None:
    result = run(text, chosen)
    assert len(result.prompt) <= 850
    assert len(result.negative) <= 850


@thorough
@given(idea, options)
def test_a_prompt_that_was_cut_ends_nearly_full_wherever_lengths_allow(
    text: str, chosen: dict[str, Any]
) -> None:
    result = run(text, chosen)
    gone = [item.text for item in result.dropped if item.rule == "length"]
    gone = [text for text in gone if not text.startswith(OTHER_TEXTS)]
    if not gone or len(result.prompt) >= 800:
        return
    start = sum(len(fragment.text) + 2 for fragment in result.slots["subject"])
    kept = [f.text for slot, found in result.slots.items() if slot != "subject" for f in found]
    reachable = 1 << start  # bit n: some choice has n characters, each fragment with its comma
    for fragment in kept + gone:
        reachable |= reachable << (len(fragment) + 2)
    assert not any(reachable >> (length + 2) & 1 for length in range(800, 851))


@settings(thorough, max_examples=300)
@given(idea, options)
@example("--no natural light, soft light", {})
@example("cat", {"extra_tags": ["cat"]})
@example("golden hour", {"extra_tags": ["robot", "golden hour"]})
@example("x" * 900, {"extra_tags": ["y" * 60]})
def test_a_finished_prompt_given_back_as_the_idea_stays_the_same(
    text: str, chosen: dict[str, Any]
) -> None:
    first = run(text, chosen)
    try:
        OptimizeRequest.parse({"idea": text if text.split() else "cat", **chosen})
    except ValueError:
        chosen = {}
    second = optimize(OptimizeRequest.parse({"idea": first.prompt, **chosen}), VOCABULARY)
    assert second.prompt == first.prompt


@thorough
@given(idea, options)
def test_no_word_is_both_wanted_and_unwanted(text: str, chosen: dict[str, Any]) -> None:
    result = run(text, chosen)
    wanted = [f" {' '.join(words(f.text))} " for fs in result.slots.values() for f in fs]
    for unwanted in filter(None, result.negative.split(", ")):
        key = " ".join(words(unwanted))
        assert not key or not any(f" {key} " in text for text in wanted)


@thorough
@given(idea, options)
def test_no_two_fragments_clash(text: str, chosen: dict[str, Any]) -> None:
    result = run(text, chosen)
    fragments = [fragment for found in result.slots.values() for fragment in found]
    if any(term.key == "mixed media" for f in fragments for term in f.terms):
        return
    for place, one in enumerate(fragments):
        for other in fragments[place + 1 :]:
            if one.slot == other.slot == "subject":
                continue  # The person's own sentence is never changed.
            for code, side in (pair for term in one.terms for pair in term.hard):
                clashing = [s for term in other.terms for c, s in term.hard if c == code]
                assert all(s == side for s in clashing), (one.text, other.text, code)


@thorough
@given(idea, options)
def test_no_term_stands_twice(text: str, chosen: dict[str, Any]) -> None:
    result = run(text, chosen)
    texts = [f.text.casefold() for found in result.slots.values() for f in found]
    assert len(texts) == len(set(texts))


@thorough
@given(idea, options)
def test_the_same_request_gives_the_same_bytes(text: str, chosen: dict[str, Any]) -> None:
    first = json.dumps(run(text, chosen).as_dict()).encode()
    fresh = Vocabulary.from_data(starter_data())
    try:
        request = OptimizeRequest.parse({"idea": text if text.split() else "cat", **chosen})
    except ValueError:
        request = OptimizeRequest.parse({"idea": "cat " + text})
    assert json.dumps(optimize(request, fresh).as_dict()).encode() == first


@thorough
@given(idea, options)
def test_every_word_of_the_subject_stays_as_it_was_typed(text: str, chosen: dict[str, Any]) -> None:
    result = run(text, chosen)
    given_parts = split_parts(read_syntax(text if text.split() else "cat").text)
    given_keys = {key_of(part) for part in given_parts}
    whole = " ".join(read_syntax(text if text.split() else "cat").text.split())
    tags = " ".join(read_syntax(tag).text for tag in chosen.get("extra_tags", []))
    for fragment in result.slots["subject"]:
        assert fragment.text in whole or fragment.text in "cat " + whole or fragment.text in tags
    lost = {key_of(item.text) for item in result.dropped}
    cut = " ".join(item.text for item in result.dropped if item.rule == "length")
    said = {f.key for found in result.slots.values() for f in found}
    if "cat " not in result.prompt:
        for key in given_keys - said - lost:
            assert cut, key


@thorough
@given(st.text(), st.text(), st.lists(st.text(), max_size=4))
def test_any_text_at_all_gets_an_answer_that_is_json(
    text: str, negative: str, tags: list[str]
) -> None:
    result = run(
        text + " cat", {"negative": negative[:900], "extra_tags": [tag[:90] for tag in tags]}
    )
    json.dumps(result.as_dict(), ensure_ascii=False).encode("utf-8")


@thorough
@given(st.lists(st.sampled_from([*UNICODE, "a", "👍🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "ก็"]), min_size=400, max_size=600))
def test_a_cut_never_parts_a_visible_character(parts: list[str]) -> None:
    result = run("".join(parts), {})
    text = result.slots["subject"][-1].text if result.slots["subject"] else ""
    rest = next((d.text for d in result.dropped if d.rule == "length"), "a")
    assert not text.endswith("\u200d")
    assert not rest or unicodedata.category(rest[0])[0] != "M"
    assert all(chunk["tokens"] <= 75 for chunk in result.tokens["chunks"])


@thorough
@given(idea, options)
def test_chunks_hold_at_most_75_tokens_and_all_the_words(text: str, chosen: dict[str, Any]) -> None:
    result = run(text, chosen)
    joined = "".join(chunk["text"] for chunk in result.tokens["chunks"])
    bare = str.maketrans("", "", " ,")
    assert joined.translate(bare) == result.prompt.translate(bare)
    for chunk in result.tokens["chunks"]:
        assert chunk["tokens"] <= 75
        assert chunk["tokens"] == sum(chunk["slots"].values())
