"""Advice for running the prompts: faces, warped motion, busy pictures, and soft conflicts."""

from collections.abc import Iterable

from .clip import CHUNK
from .platforms import Scene
from .result import Fragment, Hint

_FACES = "Faces: run a face detailer, or draw the face larger first; far faces come out soft."
_PAWS = "Faces and paws: check eyes and legs at full size, and redraw only what went wrong."
_MOTION = (
    "Motion warping: keep clips to 5 seconds and one camera move; lower the motion if shapes bend."
)
_BUSY = "Busy pictures: {count} details are asked for. If it looks crowded, drop extras first."
_CALM = "Busy pictures: if it looks crowded, lower the CFG scale by 1 or take out the last details."
_MANY = 12  # fragments from which a picture tends to look crowded


def hints_for(scene: Scene, fragments: list[Fragment]) -> list[Hint]:
    """Return the hints of a result, soft conflicts first."""
    hints = [*scene.hints, *soft_conflicts(scene, fragments)]
    if not scene.slots["subject"]:
        hints.append(Hint("subject", "Your idea names no subject. Say what the picture shows."))
    if "person" in scene.conditions:
        hints.append(Hint("faces", _FACES))
    elif "animal" in scene.conditions:
        hints.append(Hint("faces", _PAWS))
    hints.append(Hint("motion", _MOTION))
    busy = len(fragments) >= _MANY or scene.chunks[0].tokens and len(scene.chunks) > 2
    hints.append(Hint("busy", _BUSY.format(count=len(fragments)) if busy else _CALM))
    if len(scene.chunks) > 1:
        hints.append(
            Hint(
                "chunks",
                f"CLIP reads this in {len(scene.chunks)} parts of up to {CHUNK} tokens; "
                "the first part counts most.",
            )
        )
    return hints


def soft_conflicts(scene: Scene, fragments: Iterable[Fragment]) -> list[Hint]:
    """Return a hint for every pair of words that pull in different directions."""
    sides: dict[str, tuple[int, str]] = {}
    hints: list[Hint] = []
    for fragment in fragments:
        for term in fragment.terms:
            for code, side in term.soft:
                other, text = sides.setdefault(code, (side, fragment.text))
                if other != side:
                    hints.append(
                        Hint(code, f"“{text}” and “{fragment.text}” pull in different directions.")
                    )
    return hints
