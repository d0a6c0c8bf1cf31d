"""Token counts are CLIP's own."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instant_clip_tokenizer import Tokenizer

from prompts.optimizer import Result, starter_data
from prompts.optimizer.clip import count_tokens
from prompts.optimizer.tokens import measure

Run = Callable[..., Result]
FIRST_MERGE, LAST_MERGE = 512, 49405


def merges() -> dict[str, int]:
    """Return the byte-pair table by spelling; a closing space stands for the end of a word."""
    tokenizer = Tokenizer()
    table: dict[str, int] = {}
    for number in range(FIRST_MERGE, LAST_MERGE + 1):
        table.setdefault(tokenizer.decode([number]), number)
    return table


TABLE = merges()


def oracle(word: str) -> int:
    """Count the tokens of one word of letters by merging the earliest pair first."""
    parts = [*word[:-1], word[-1] + " "]
    while len(parts) > 1:
        ranked = [
            (TABLE[left + right], place)
            for place, (left, right) in enumerate(zip(parts, parts[1:], strict=False))
            if left + right in TABLE
        ]
        if not ranked:
            break
        _, place = min(ranked)
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    return len(parts)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("a photo of a cat", [320, 1125, 539, 320, 2368]),
        ("masterpiece, best quality", [12066, 267, 949, 3027]),
        ("Don't stop", [847, 713, 1691]),
        ("BREAK", [2568]),
        ("", []),
    ],
)
def test_known_texts_have_clips_own_tokens(text: str, ids: list[int]) -> None:
    assert Tokenizer().encode(text) == ids
    assert count_tokens(text) == len(ids)


def test_every_word_of_the_vocabulary_counts_as_a_slow_oracle_does() -> None:
    data = starter_data()
    rows = [*data["terms"], *data["negatives"]]
    words = {word for row in rows for word in row["text"].split() if word.isalpha()}
    words = {word for word in words if word.isascii()}
    assert len(words) > 900
    assert [word for word in sorted(words) if count_tokens(word) != oracle(word)] == []


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=18))
def test_any_word_of_letters_counts_as_a_slow_oracle_does(word: str) -> None:
    assert count_tokens(word) == oracle(word)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20).map(lambda text: " ".join(text.split())))
def test_a_comma_after_a_text_adds_what_is_said(text: str) -> None:
    text = "".join(char for char in text if not "\ud800" <= char <= "\udfff")
    tokens, comma = measure(text)
    assert count_tokens(f"{text}, cat") == tokens + comma + count_tokens("cat")


@pytest.mark.parametrize(
    "idea", ["a cat", "wait, what?!, really", "猫が窓辺に座る", "👩‍👩‍👧 at home", "word " * 300]
)
def test_slots_chunks_and_total_agree(run: Run, idea: str) -> None:
    result = run(idea)
    tokens = result.tokens
    whole = sum(sum(chunk["slots"].values()) for chunk in tokens["chunks"])
    assert tokens["total"] == whole
    for chunk in tokens["chunks"]:
        assert chunk["tokens"] == count_tokens(chunk["text"]) <= 75
    for slot, fragments in result.slots.items():
        assert tokens["slots"][slot] == count_tokens(", ".join(f.text for f in fragments))
    if len(tokens["chunks"]) == 1:
        assert tokens["total"] == count_tokens(result.prompt)
    assert tokens["negative"] == count_tokens(result.negative)


def test_chunk_edges_lie_on_slot_edges_where_slots_fit(run: Run) -> None:
    result = run("a quiet harbour " * 6, extra_tags=[f"a row of nets {n}" for n in range(9)])
    chunks = result.tokens["chunks"]
    assert len(chunks) > 1
    seen: list[str] = [slot for chunk in chunks for slot in chunk["slots"]]
    assert len(seen) == len(set(seen))
