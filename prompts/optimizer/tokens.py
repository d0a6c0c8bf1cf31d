"""Tokens as CLIP reads them: counts, and chunks of 75 with edges between slots.

CLIP takes 77 tokens at a time, of which a start and an end mark are two. ComfyUI cuts a longer
text at exactly 75, in the middle of a phrase; chunks that end between slots keep phrases whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .clip import CHUNK, count_tokens
from .result import Fragment
from .slots import JOIN, SLOTS
from .text import is_boundary


@dataclass(slots=True)
class Chunk:
    """At most 75 tokens: text, tokens in all, and tokens of each slot with its commas."""

    text: str = ""
    tokens: int = 0
    slots: dict[str, int] = field(default_factory=dict)
    _comma: int = 0  # tokens a comma after the text so far adds

    def add(self, slot: str, text: str, tokens: int, comma: int, join: str) -> None:
        """Append a text; the comma before it counts for the slot it closes."""
        if self.text:
            if join == JOIN:
                last = next(reversed(self.slots))
                self.slots[last] += self._comma
                self.tokens += self._comma
            self.text += join + text
        else:
            self.text = text
        self.slots[slot] = self.slots.get(slot, 0) + tokens
        self.tokens += tokens
        self._comma = comma

    def room_after(self, join: str) -> int:
        """Return how many tokens may follow."""
        comma = self._comma if self.text and join == JOIN else 0
        return CHUNK - self.tokens - comma


def measure(text: str) -> tuple[int, int]:
    """Return a text's tokens and how many more it has with a comma behind it."""
    tokens = count_tokens(text)
    if text[-1:].isalnum() and text.isascii():
        return tokens, 1
    # A closing mark and the comma are one word for CLIP: "!," may be one token.
    return tokens, count_tokens(text + ",") - tokens


def chunk_slots(slots: Mapping[str, tuple[Fragment, ...]]) -> tuple[list[Chunk], dict[str, int]]:
    """Return the chunks of a prompt and the tokens of every slot."""
    chunks = [Chunk()]
    counts: dict[str, int] = {}
    for slot in SLOTS:
        fragments = slots[slot]
        if not fragments:
            counts[slot] = 0
            continue
        texts = [fragment.text for fragment in fragments]
        text = texts[0] if len(texts) == 1 else JOIN.join(texts)
        tokens, comma = measure(text)
        counts[slot] = tokens
        if tokens <= CHUNK:
            _place(chunks, slot, text, tokens, comma, JOIN)
        else:
            if slot != "subject" and chunks[-1].text:
                chunks.append(Chunk())  # The subject alone shares the first chunk with what leads.
            _place_parts(chunks, slot, texts)
    return chunks, counts


def chunk_text(text: str) -> list[Chunk]:
    """Return the chunks of a comma-separated text, cut between its parts."""
    tokens, comma = measure(text)
    chunks = [Chunk()]
    if tokens <= CHUNK:
        chunks[0].add("text", text, tokens, comma, JOIN)
    else:
        _place_parts(chunks, "text", text.split(JOIN))
    return chunks


def _place(chunks: list[Chunk], slot: str, text: str, tokens: int, comma: int, join: str) -> None:
    if tokens > chunks[-1].room_after(join):
        chunks.append(Chunk())
    chunks[-1].add(slot, text, tokens, comma, join)


def _place_parts(chunks: list[Chunk], slot: str, texts: list[str]) -> None:
    for text in texts:
        tokens, comma = measure(text)
        if tokens <= CHUNK:
            _place(chunks, slot, text, tokens, comma, JOIN)
            continue
        join = JOIN
        for word in text.split(" "):
            tokens, comma = measure(word)
            if tokens <= CHUNK:
                _place(chunks, slot, word, tokens, comma, join)
            else:
                for piece in _pieces(word):
                    _place(chunks, slot, piece, *measure(piece), join)
                    join = " "
            join = " "


def _pieces(word: str) -> list[str]:
    """Cut a word of more than 75 tokens between characters."""
    pieces: list[str] = []
    start = 0
    while start < len(word):
        end = min(start + CHUNK, len(word))
        while end - start > 1 and (
            count_tokens(word[start:end]) > CHUNK or not is_boundary(word, end)
        ):
            end -= 1
        pieces.append(word[start:end])
        start = end
    return pieces


def tokens_as_dict(
    chunks: list[Chunk], counts: Mapping[str, int], negative_chunks: list[Chunk]
) -> dict[str, Any]:
    """Return totals, tokens a slot, and the chunks as the JSON shape has them."""
    return {
        "total": sum(chunk.tokens for chunk in chunks),
        "limit": CHUNK,
        "slots": dict(counts),
        "chunks": [
            {"tokens": chunk.tokens, "slots": chunk.slots, "text": chunk.text} for chunk in chunks
        ],
        "negative": sum(chunk.tokens for chunk in negative_chunks),
    }
