"""Midjourney: the prompt with the flags that its version knows.

Sources: the parameter guides of V6 to V8.1. Flags stand last, with spaces and without commas.
"""

from collections.abc import Mapping
from typing import Any

from ..request import read_ratio
from ..result import Dropped, Hint
from ..vocabulary import Profile
from .scene import SMALL_SEED, Scene

_OTHER_TOOLS = frozenset({"motion", "gs", "fps", "camera"})
_NO_WORDS = 8
_RAW_STYLIZE = 250  # above it a raw look loses its point
_PHOTO_STYLIZE = 50
_TEXT_LENGTH = 300  # characters of an address in a flag
_NO_GROUPS = ("branding", "style")


def version_of(scene: Scene) -> str:
    """Return the version asked for: the option, else a typed `--v` that has a profile."""
    typed = scene.flags.get("v", "")
    if scene.request.midjourney_version:
        return scene.request.midjourney_version
    return typed if typed in scene.vocabulary.profiles["midjourney"] else ""


def build(scene: Scene) -> dict[str, Any]:
    """Return the line to paste, its flags and its version."""
    profile = scene.profile("midjourney", version_of(scene))
    settings = profile.settings
    flags = _chosen(scene, profile)
    _typed(scene, profile, flags)
    _unwanted(scene, profile, flags)
    if "raw" in flags and int(flags.get("s", 0)) > _RAW_STYLIZE:
        scene.hints.append(
            Hint("C26", f"A raw look works best with --s {_RAW_STYLIZE} or less in Midjourney.")
        )
    text = scene.prompt.replace("--", "\u2014")
    line = _line(scene, text, flags, settings)
    return {"version": profile.version, "prompt": line, "flags": flags}


def _chosen(scene: Scene, profile: Profile) -> dict[str, Any]:
    known = profile.settings["flags"]
    photo = "photo" in scene.conditions
    flags: dict[str, Any] = {"ar": scene.aspect_ratio(profile.settings["aspect_ratio"])}
    flags["s"] = _PHOTO_STYLIZE if photo and "raw" in known else known["s"]["default"]
    if photo and "raw" in known:
        flags["raw"] = True
    seed = scene.chosen_seed()
    if seed is not None:
        flags["seed"] = seed % SMALL_SEED
    return flags


def _typed(scene: Scene, profile: Profile, flags: dict[str, Any]) -> None:
    """Take over the flags a person typed, translated or left out where the version needs it."""
    settings = profile.settings
    for name, value in scene.flags.items():
        if name in _OTHER_TOOLS or name == "seed":
            continue
        shown = f"--{name} {value}".rstrip()
        if name == "v":
            if value != profile.version:
                scene.dropped.append(Dropped(shown, "C25", profile.title))
        elif name == "ar":
            ratio = read_ratio(value)
            if ratio != flags["ar"]:
                rule = "option" if ratio else "C25"
                scene.dropped.append(Dropped(shown, rule, f"--ar {flags['ar']}"))
        elif name == "style" and value.lower() == "raw":
            flags["raw"] = True
        elif name in settings["flags"]:
            checked = check_value(value, settings["flags"][name])
            if checked is None:
                scene.dropped.append(Dropped(shown, "C25", profile.title))
            else:
                flags[name] = checked
        elif name in settings["translate"]:
            other = settings["translate"][name]
            checked = check_value(value, settings["flags"][other])
            if checked is not None:
                flags[other] = checked
            winner = profile.title if checked is None else f"--{other} {checked}"
            scene.dropped.append(Dropped(shown, "C25", winner))
        else:
            scene.dropped.append(Dropped(shown, "C25", profile.title))


def check_value(value: str, spec: Mapping[str, Any]) -> Any:
    """Return a flag's value as its kind, or None when it is outside what the flag takes."""
    kind = spec["kind"]
    if kind == "switch":
        return True
    if kind == "text":
        return value if 0 < len(value) <= _TEXT_LENGTH else None
    if kind == "choice":
        value = value if not value.startswith(".") else f"0{value}"
        return value if value in spec["values"] else None
    if kind == "ratio":
        return read_ratio(value) or None
    plain = value.replace(".", "", 1) if kind == "float" else value
    if not (plain.isascii() and plain.isdigit() and len(value) < 12):
        return None
    number = float(value) if kind == "float" else int(value)
    return number if spec["min"] <= number <= spec["max"] else None


def _unwanted(scene: Scene, profile: Profile, flags: dict[str, Any]) -> None:
    """Write unwanted words as `--no`: the person's, then a few that matter most here."""
    typed = list(scene.unwanted.values())
    if "no" not in profile.settings["flags"]:
        scene.dropped += [Dropped(f"--no {word}", "C25", profile.title) for word in typed]
        return
    chosen = typed[:]
    by_key = scene.vocabulary.negatives_by_text
    for word in scene.negative:
        if len(chosen) >= max(_NO_WORDS, len(typed)):
            break
        known = by_key.get(word)
        if known is not None and known.group in _NO_GROUPS and word not in chosen:
            chosen.append(word)
    if chosen:
        flags["no"] = chosen


def _line(scene: Scene, text: str, flags: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Return text and flags within the length Midjourney takes."""
    parts = []
    for name, value in flags.items():
        if name == "no":
            continue
        if name == "raw":
            parts.append(settings["raw"])
        elif value is True:
            parts.append(f"--{name}")
        else:
            parts.append(f"--{name} {value}")
    if "niji" not in flags and settings["version_flag"]:
        parts.append(settings["version_flag"])
    line = " ".join([text, *parts]).strip()
    words = [word.replace("--", "\u2014") for word in flags.get("no", ())]
    while words and len(line) + len(" --no ") + len(", ".join(words)) > settings["max_chars"]:
        scene.dropped.append(Dropped(f"--no {words.pop()}", "length"))
    return f"{line} --no {', '.join(words)}" if words else line
