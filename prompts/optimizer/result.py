"""What the optimiser answers, and the fragments it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .slots import SLOTS
from .vocabulary import Term


@dataclass(slots=True)
class Fragment:
    """One part of the prompt: words between two commas, with where they come from.

    origin: user, inferred, preset or default. rule: a stable id. reason: one sentence.
    """

    text: str
    key: str
    slot: str
    origin: str
    rule: str
    reason: str
    terms: tuple[Term, ...] = ()

    def as_dict(self) -> dict[str, str]:
        """Return text, origin, rule and reason."""
        return {
            "text": self.text,
            "origin": self.origin,
            "rule": self.rule,
            "reason": self.reason,
        }


class Dropped(NamedTuple):
    """Words that are not in the answer: the rule that took them out, and what won."""

    text: str
    rule: str
    winner: str = ""


class Hint(NamedTuple):
    """Advice for running the prompts. code is stable."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """An idea made ready: one prompt, its parts, and a configuration for every platform."""

    prompt: str
    negative: str
    slots: Mapping[str, tuple[Fragment, ...]]
    dropped: tuple[Dropped, ...]
    platforms: Mapping[str, Mapping[str, Any]]
    tokens: Mapping[str, Any]
    hints: tuple[Hint, ...]
    vocabulary_version: str

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape every door gives out."""
        return {
            "prompt": self.prompt,
            "negative": self.negative,
            "slots": {
                slot: [fragment.as_dict() for fragment in self.slots[slot]] for slot in SLOTS
            },
            "dropped": [
                {"text": text, "rule": rule, "winner": winner}
                for text, rule, winner in self.dropped
            ],
            "platforms": self.platforms,
            "tokens": self.tokens,
            "hints": [{"code": code, "text": text} for code, text in self.hints],
            "vocabulary_version": self.vocabulary_version,
        }
