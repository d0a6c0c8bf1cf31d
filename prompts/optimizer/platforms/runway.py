"""Runway: one text that describes what moves, within 1000 UTF-16 units, and no negative prompt.

What a person does not want is said the other way round ("clear sky") where the vocabulary knows
how, else it is left out and named. Sources: Runway's prompting guides and its API's fields.
"""

from typing import Any

from ..result import Dropped
from ..text import cut_utf16, utf16_length
from .scene import SMALL_SEED, Scene
from .sdxl import nearest_size

_QUIET_MOVE = "The camera slowly pushes in"
_STEADY = "smooth motion, stable shapes"
_DETAILS = ("lighting", "composition", "mood", "color_grade", "extra")


def build(scene: Scene) -> dict[str, Any]:
    """Return Runway's fields for the version asked for."""
    profile = scene.profile("runway", scene.request.runway_version)
    settings = profile.settings
    ratio = scene.aspect_ratio(settings["aspect_ratio"])
    sizes = [[int(side) for side in size.split(":")] for size in settings["ratios"]]
    width, height = nearest_size(ratio, sizes)
    camera = camera_sentence(scene)
    text = _text(scene, camera, settings["form"])
    limit = settings["max_utf16"]
    if utf16_length(text) > limit:
        short = cut_utf16(text, limit)
        scene.dropped.append(Dropped(f"Runway: {text[len(short) :].strip()}", "length"))
        text = short
    return {
        "version": profile.version,
        "model": settings["model"],
        "prompt": text,
        "camera": camera,
        "ratio": f"{width}:{height}",
        "duration": settings["duration"],
        "seed": scene.seed() % SMALL_SEED,
        "needs_image": settings["needs_image"],
    }


def camera_sentence(scene: Scene) -> str:
    """Return one camera move in words: the one asked for, else a slow push in."""
    for term in scene.camera_moves():
        if sentence := term.params.get("sentence"):
            return sentence
    typed = scene.request.motion.strip(" .,;:")
    return typed[:1].upper() + typed[1:] if typed else _QUIET_MOVE


def _text(scene: Scene, camera: str, form: str) -> str:
    subject = _joined(scene, "subject", "style")
    details = [f.text for slot in _DETAILS for f in scene.slots[slot] if not _is_move(f.terms)]
    sentences = [f"{camera}: {subject}" if subject else camera]
    if form == "motion":
        # From a still picture only the motion needs words; the picture shows the rest.
        sentences = [part for part in (_joined(scene, "subject"), camera) if part]
        details = [f.text for slot in ("style", "mood") for f in scene.slots[slot]]
    if details:
        sentences.append(", ".join(details))
    sentences.append(", ".join(dict.fromkeys([*_turned_round(scene), _STEADY])))
    return ". ".join(_sentence(part) for part in sentences) + "."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(" .")


def _joined(scene: Scene, *slots: str) -> str:
    return ", ".join([fragment.text for slot in slots for fragment in scene.slots[slot]])


def _is_move(terms: tuple[Any, ...]) -> bool:
    return len(terms) == 1 and terms[0].slot == "motion"


def _turned_round(scene: Scene) -> list[str]:
    """Return the person's unwanted words said positively; name those that cannot be."""
    wishes: list[str] = []
    for key, word in scene.unwanted.items():
        known = scene.vocabulary.negatives_by_key.get(key)
        if known is not None and known.positive:
            wishes.append(known.positive)
        else:
            scene.dropped.append(Dropped(f"Runway: {word}", "no-negative", ""))
    return wishes
