"""Text as people see it."""

import pytest

from prompts.optimizer.text import clean_space, cut_characters, cut_utf16, is_boundary, key_of


@pytest.mark.parametrize(
    "character",
    ["é", "e\u0301", "👩‍👩‍👧", "👍🏽", "🇳🇴", "각", "\u1100\u1161\u11a8", "ก็", "न्", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"],
)
def test_a_visible_character_is_never_cut(character: str) -> None:
    text = "a" + character * 2 + "b"
    whole = {0, 1, 1 + len(character), 1 + 2 * len(character), len(text)}
    assert {at for at in range(len(text) + 1) if is_boundary(text, at)} == whole
    for limit in range(len(text)):
        assert len(cut_characters(text, limit)) in whole


def test_utf16_limits_count_an_emoji_twice() -> None:
    assert cut_utf16("🦊🦊🦊", 5) == "🦊🦊"
    assert cut_utf16("one two three four", 16) == "one two three"


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("a\ud800b", "a\ufffdb"),
        (" a \u00a0\t\n b\u3000", "a b"),
        ("a\x00b\x1bc", "a b c"),
        ("a\u202eb", "a b"),
        ("مدينة", "مدينة"),
    ],
)
def test_what_cannot_be_stored_or_sent_goes(given: str, clean: str) -> None:
    assert clean_space(given) == clean


def test_spellings_of_the_same_words_share_a_key() -> None:
    assert key_of("Bird’s-Eye  View") == key_of("birds eye view")
    assert key_of("caf\u00e9") == key_of("Cafe\u0301") != key_of("cafe")
    assert key_of("की") != key_of("का")
    assert key_of("cat 🐱") != key_of("cat 🐶")
    assert key_of("!!!") == "!!!"
