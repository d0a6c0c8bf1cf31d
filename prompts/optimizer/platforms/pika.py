"""Pika: the bot's line with its motion flags, or the fields of the API.

The camera does one kind of thing at a time: zoom, pan or rotate; two pans only when they are not
opposed. Sources: the bot's parameter list, and the fields of API 2.2.
"""

from collections.abc import Mapping
from typing import Any

from ..result import Dropped
from .scene import SMALL_SEED, Scene

_OPPOSED = ({"up", "down"}, {"left", "right"})
_LIVELY = frozenset({"action", "vehicle", "party"})
_BOT_NEGATIVES = 12


def build(scene: Scene) -> dict[str, Any]:
    """Return Pika's settings in the form its profile asks for."""
    profile = scene.profile("pika", scene.request.pika_version)
    settings = profile.settings
    ratio = scene.aspect_ratio(settings["aspect_ratio"])
    answer: dict[str, Any] = {"version": profile.version}
    if settings["form"] == "api":
        return answer | _api(scene, settings, ratio)
    return answer | _bot(scene, settings, ratio)


def _bot(scene: Scene, settings: Mapping[str, Any], ratio: str) -> dict[str, Any]:
    lively = not scene.conditions.isdisjoint(_LIVELY)
    camera = _camera(scene, settings["camera"])
    motion = settings["motion"]
    values: dict[str, Any] = {
        "ar": ratio,
        "motion": _typed(scene, "motion", settings, motion["default"] + lively),
        "gs": _typed(scene, "gs", settings, settings["gs"]["default"]),
        "fps": _typed(scene, "fps", settings, settings["fps"]["default"]),
    }
    seed = scene.chosen_seed()
    if seed is not None:
        values["seed"] = seed % SMALL_SEED
    if camera:
        values["camera"] = camera
    words = _negatives(scene)[: max(_BOT_NEGATIVES, len(scene.unwanted))]
    flags = " ".join(f"-{name} {value}" for name, value in values.items())
    line = f"{scene.prompt} {flags}".strip()
    while words and len(line) + len(" -neg ") + len(", ".join(words)) > settings["max_chars"]:
        words.pop()
    if words:
        line = f"{line} -neg {', '.join(words)}"
    del values["ar"]
    return {"prompt": line, "negative": ", ".join(words), "aspect_ratio": ratio, **values}


def _api(scene: Scene, settings: Mapping[str, Any], ratio: str) -> dict[str, Any]:
    width, height = map(int, ratio.split(":"))
    shape = min(max(width / height, settings["min_ratio"]), settings["max_ratio"])
    if shape != width / height:
        scene.dropped.append(Dropped(f"Pika {ratio}", "C25", f"{shape:g}"))
    for name in ("motion", "gs", "fps", "camera"):
        if name in scene.flags:
            shown = f"-{name} {scene.flags[name]}".rstrip()
            scene.dropped.append(Dropped(shown, "C25", "Pika API 2.2"))
    moves = [term.params["sentence"] for term in scene.camera_moves() if "sentence" in term.params]
    text = f"{scene.prompt}. {'. '.join(moves)}." if moves else scene.prompt
    return {
        "prompt": text[: settings["max_chars"]],
        "negative": ", ".join(_negatives(scene)),
        "aspect_ratio": round(shape, 4),
        "resolution": settings["resolution"],
        "duration": settings["duration"],
        "seed": scene.seed() % SMALL_SEED,
    }


def _negatives(scene: Scene) -> list[str]:
    """The person's words first, then what goes wrong in moving pictures, then the rest."""
    typed = list(scene.unwanted.values())
    video = [word for word in scene.vocabulary.video_negatives if word not in typed]
    return typed + video + [w for w in scene.negative if w not in typed and w not in video]


def _typed(scene: Scene, name: str, settings: Mapping[str, Any], default: int) -> int:
    """Return a typed flag's value if it is in range, else the default."""
    value = scene.flags.get(name)
    if value is None:
        return default
    spec = settings[name]
    if value.isascii() and value.isdigit() and len(value) < 6:
        number = int(value)
        if spec["min"] <= number <= spec["max"]:
            return number
    scene.dropped.append(Dropped(f"-{name} {value}".rstrip(), "C25", f"-{name} {default}"))
    return default


def _camera(scene: Scene, known: Mapping[str, list[str]]) -> str:
    typed = scene.flags.get("camera")
    if typed is not None:
        allowed = check_camera(typed, known)
        if allowed != " ".join(typed.lower().split()):
            scene.dropped.append(Dropped(f"-camera {typed}".rstrip(), "C20", allowed))
        if allowed:
            return allowed
    for term in scene.camera_moves():
        if allowed := check_camera(term.params.get("pika", ""), known):
            return allowed
    return ""


def check_camera(text: str, known: Mapping[str, list[str]]) -> str:
    """Return the part of a camera wish that Pika takes: one kind, two pans at most."""
    words = text.lower().split()
    if not words or words[0] not in known:
        return ""
    kind = words[0]
    directions: list[str] = []
    for word in words[1:]:
        if word not in known[kind]:
            break
        opposed = any({word, other} in _OPPOSED for other in directions)
        if not opposed and word not in directions and len(directions) < (2 if kind == "pan" else 1):
            directions.append(word)
    return f"{kind} {' '.join(directions)}" if directions else ""
