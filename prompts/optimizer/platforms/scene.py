"""What the platforms build from: the finished prompt and what was asked beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from ..request import OptimizeRequest, read_ratio
from ..result import Dropped, Fragment, Hint
from ..text import words
from ..tokens import Chunk
from ..vocabulary import Profile, Term, Vocabulary

SMALL_SEED = 2**32  # Midjourney, Pika and Runway count seeds below this


@dataclass(slots=True)
class Scene:
    """One prompt on its way to the platforms. Builders add to `dropped` and `hints`."""

    request: OptimizeRequest
    vocabulary: Vocabulary
    prompt: str
    negative: list[str]
    unwanted: Mapping[str, str]
    slots: Mapping[str, tuple[Fragment, ...]]
    chunks: list[Chunk]
    negative_chunks: list[Chunk]
    conditions: set[str]
    flags: Mapping[str, str]
    dropped: list[Dropped] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)
    drawing: dict[str, Any] = field(default_factory=dict)  # what SDXL chose, for ComfyUI
    _moves: list[Term] | None = None

    def profile(self, platform: str, version: str = "") -> Profile:
        """Return the profile asked for, else the default one."""
        found = self.vocabulary.profile(platform, version)
        return found or self.vocabulary.default_profiles[platform]

    def aspect_ratio(self, default: str) -> str:
        """Return "W:H": the option, else the typed flag, else the preset's, else the default."""
        preset = self.vocabulary.presets.get(self.request.preset)
        return (
            self.request.aspect_ratio
            or read_ratio(self.flags.get("ar", ""))
            or (preset.aspect_ratio if preset else "")
            or default
        )

    def chosen_seed(self) -> int | None:
        """Return the seed asked for, as an option or a flag."""
        typed = self.flags.get("seed", "")
        if self.request.seed is not None:
            return self.request.seed
        return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 20 else None

    def seed(self) -> int:
        """Return a seed; without one asked for, the words decide, so that it stays the same."""
        chosen = self.chosen_seed()
        return crc32(self.prompt.encode()) if chosen is None else chosen

    def camera_moves(self) -> list[Term]:
        """Return the camera terms asked for; of several moves only the first."""
        if self._moves is None:
            self._moves = self._find_moves()
        return self._moves

    def _find_moves(self) -> list[Term]:
        asked: list[Term] = []
        for text in self.request.motion.split(",") if self.request.motion else ():
            term = self.vocabulary.terms.get(" ".join(words(text)))
            if term is not None and term.slot == "motion":
                asked.append(term)
        for fragments in self.slots.values():
            for fragment in fragments:
                asked += [term for term in fragment.terms if term.slot == "motion"]
        moves: list[Term] = []
        for term in asked:
            sides = {code: (side, other) for other in moves for code, side in other.hard}
            lost = next((c for c, s in term.hard if c in sides and sides[c][0] != s), "")
            if lost:
                self.dropped.append(Dropped(term.text, lost, sides[lost][1].text))
            elif term not in moves:
                moves.append(term)
        return moves
