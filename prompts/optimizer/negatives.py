"""The negative prompt: what the person does not want, and what spoils this kind of picture.

Words are chosen from four groups (anatomy, artifacts, branding, style) by what the prompt says.
A word that also stands in the prompt is left out.
"""

from collections.abc import Iterable
from math import ceil

from .clip import CHUNK, count_tokens
from .result import Dropped, Fragment
from .slots import JOIN, LONGEST
from .text import cut_characters, key_of
from .vocabulary import Vocabulary

_MOST = {"anatomy": 8, "artifacts": 8, "branding": 5, "style": 6}  # video tools get their own
_ROOM = 30  # tokens left for chosen words beside what the person typed


def said_by(fragments: Iterable[Fragment]) -> str:
    """Return the words of a prompt so that f" {key} " finds whole words in it."""
    return " | " + " | ".join([fragment.key for fragment in fragments]) + " | "


def user_negatives(
    typed: list[str], fragments: list[Fragment]
) -> tuple[dict[str, str], list[Dropped]]:
    """Return the person's unwanted words by key, without those their own prompt asks for."""
    said = said_by(fragments)
    kept: dict[str, str] = {}
    dropped: list[Dropped] = []
    for text in typed:
        key = key_of(text)
        if key in kept:
            dropped.append(Dropped(text, "duplicate", kept[key]))
        elif f" {key} " in said:
            winner = next((f.text for f in fragments if f" {key} " in f" {f.key} "), text)
            dropped.append(Dropped(text, "C24", winner))
        else:
            kept[key] = text
    return kept, dropped


def negative_words(
    typed: dict[str, str], fragments: list[Fragment], conditions: set[str], vocabulary: Vocabulary
) -> tuple[list[str], list[Dropped]]:
    """Return the words of the negative prompt, the person's first, and what was left out."""
    kept, dropped = _fitting(typed)
    keys = set(typed)
    said = said_by(fragments)
    used = sum(count_tokens(text) + 1 for text in kept) if kept else 0
    budget = ceil((used + _ROOM) / CHUNK) * CHUNK
    length = sum(len(text) + len(JOIN) for text in kept)
    left = dict(_MOST)

    def offer(text: str, key: str, tokens: int) -> bool:
        nonlocal used, length
        if key in keys:
            return False
        if f" {key} " in said:
            winner = next(f.text for f in fragments if f" {key} " in f" {f.key} ")
            dropped.append(Dropped(text, "C24", winner))
            return False
        if used + tokens > budget or length + len(text) > LONGEST:
            return False
        keys.add(key)
        kept.append(text)
        used += tokens + 1
        length += len(text) + len(JOIN)
        return True

    for fragment in fragments:
        for term in fragment.terms:
            for text in term.negatives:
                offer(text, key_of(text), count_tokens(text))
    for negative in vocabulary.negatives:
        if not left.get(negative.group):
            continue
        if negative.when and conditions.isdisjoint(negative.when):
            continue
        if not conditions.isdisjoint(negative.unless):
            continue
        if offer(negative.text, negative.key, negative.tokens):
            left[negative.group] -= 1
    return kept, dropped


def _fitting(typed: dict[str, str]) -> tuple[list[str], list[Dropped]]:
    kept: list[str] = []
    dropped: list[Dropped] = []
    length = 0
    for text in typed.values():
        if length + len(text) <= LONGEST:
            kept.append(text)
            length += len(text) + len(JOIN)
        elif not kept:
            kept.append(cut_characters(text, LONGEST).rstrip())
            dropped.append(Dropped(f"Negative: {text[len(kept[0]) :].strip()}", "length"))
            length = LONGEST
        else:
            dropped.append(Dropped(f"Negative: {text}", "length"))
    return kept, dropped
