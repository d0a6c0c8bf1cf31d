"""Profiles: what the settings of a platform must hold, checked before anything relies on it.

The keys and their meaning are listed in `platforms/__init__.py`. Keys beyond them are left alone.
"""

import json
import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from .request import read_ratio

PLATFORMS = ("sdxl", "comfyui", "midjourney", "pika", "runway")
Check = Callable[[Any], bool]
Rule = tuple[Check, str]  # the second says what a value must be
_MOST = 2**53  # beyond it JSON readers lose digits
_RANGED = ("int", "float")
_KINDS = (*_RANGED, "choice", "switch", "text", "ratio")
_FLAG = re.compile(r"[a-z]{1,20}")
_SIZE = re.compile(r"[1-9][0-9]{0,4}:[1-9][0-9]{0,4}")


def _is_number(value: Any) -> bool:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain and isfinite(value) and abs(value) <= _MOST


def _is_whole(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _is_ratio(value: Any) -> bool:
    return isinstance(value, str) and read_ratio(value) == value != ""


def _is_side(value: Any) -> bool:
    return _is_whole(value) and 1 <= value <= 10_000


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_side, value))


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and bool(value) and all(map(check, value))


def _map_of(name: Check, check: Check) -> Check:
    return lambda value: (
        isinstance(value, dict) and all(name(key) and check(item) for key, item in value.items())
    )


def _one_of(*values: str) -> Rule:
    return (lambda value: isinstance(value, str) and value in values), " or ".join(values)


def _is_range(value: Any) -> bool:
    """Whole numbers: min, max, and a default between them."""
    if not isinstance(value, dict) or not all(
        _is_whole(value.get(name)) for name in ("min", "max", "default")
    ):
        return False
    return bool(0 <= value["min"] <= value["default"] <= value["max"])


def _is_flag(value: Any) -> bool:
    """A kind, and the limits or values that it needs."""
    if not isinstance(value, dict) or value.get("kind") not in _KINDS:
        return False
    if value["kind"] in _RANGED:
        limits: list[Any] = [value.get(name) for name in ("min", "max")]
        return all(map(_is_number, limits)) and limits == sorted(limits)
    return value["kind"] != "choice" or _list_of(_is_text)(value.get("values"))


def _is_flag_name(value: Any) -> bool:
    return isinstance(value, str) and _FLAG.fullmatch(value) is not None


TEXT: Rule = (_is_text, "a text")
LINE: Rule = (lambda value: value == "" or _is_text(value), "a text, or empty")
RATIO: Rule = (_is_ratio, "a ratio such as 16:9, between 1:4 and 4:1")
COUNT: Rule = (lambda value: _is_whole(value) and value > 0, "a whole number above 0")
AMOUNT: Rule = (lambda value: _is_number(value) and value > 0, "a number above 0")
SHARE: Rule = (lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1")
YES_NO: Rule = (lambda value: isinstance(value, bool), "true or false")
NAMES: Rule = (_list_of(_is_text), "a list of texts")
RANGE: Rule = (_is_range, "min, max and a default between them, whole numbers")

SHAPES: Mapping[str, Mapping[str, Rule]] = {
    "sdxl": {
        "checkpoint": TEXT,
        "buckets": (_list_of(_is_size), "a list of sizes such as [1024, 1024]"),
        "aspects": (_map_of(_is_ratio, _is_size), 'sizes by ratio, such as {"1:1": [1024, 1024]}'),
        "aspect_ratio": RATIO,
        "steps": COUNT,
        "cfg": AMOUNT,
        "photo_cfg": AMOUNT,
        "sampler": TEXT,
        "scheduler": TEXT,
        "samplers": NAMES,
        "schedulers": NAMES,
    },
    "comfyui": {
        "checkpoint": TEXT,
        "filename_prefix": TEXT,
        "batch_size": COUNT,
        "denoise": SHARE,
    },
    "midjourney": {
        "aspect_ratio": RATIO,
        "flags": (
            _map_of(_is_flag_name, _is_flag),
            "flags by name, each with its kind and, for numbers, min and max",
        ),
        "raw": TEXT,
        "translate": (_map_of(_is_flag_name, _is_flag_name), "names of flags by name"),
        "version_flag": LINE,
        "weights": YES_NO,
        "max_chars": COUNT,
    },
    "pika": {
        "form": _one_of("bot", "api"),
        "aspect_ratio": RATIO,
        "max_chars": COUNT,
    },
    "pika bot": {
        "motion": RANGE,
        "gs": RANGE,
        "fps": RANGE,
        "camera": (_map_of(_is_text, _list_of(_is_text)), "directions by camera move"),
    },
    "pika api": {
        "resolution": TEXT,
        "duration": AMOUNT,
        "min_ratio": AMOUNT,
        "max_ratio": AMOUNT,
    },
    "runway": {
        "model": TEXT,
        "form": _one_of("camera-first", "motion"),
        "ratios": (
            _list_of(lambda value: isinstance(value, str) and _SIZE.fullmatch(value) is not None),
            "a list of sizes such as 1280:720",
        ),
        "aspect_ratio": RATIO,
        "duration": AMOUNT,
        "max_utf16": COUNT,
        "text_to_video": YES_NO,
        "needs_image": YES_NO,
    },
}


def check_settings(platform: str, settings: Any) -> None:
    """Raise ValueError, in words for staff, where a platform could not work with settings."""
    if platform not in PLATFORMS:
        raise ValueError(f"There is no platform “{platform}”. Choose {', '.join(PLATFORMS)}.")
    if not isinstance(settings, dict):
        raise ValueError("The settings must be a JSON object: { … }.")
    if not _can_be_kept(settings):
        raise ValueError("The settings hold a number or a character that JSON can’t carry.")
    _check(SHAPES[platform], settings)
    if platform == "pika":
        _check(SHAPES[f"pika {settings['form']}"], settings)
    for told in _CROSS.get(platform, _nothing)(settings):
        raise ValueError(told)


def _can_be_kept(settings: Mapping[str, Any]) -> bool:
    """No NaN, no half of a character, no character 0: databases refuse them."""
    try:
        text = json.dumps(settings, ensure_ascii=False, allow_nan=False)
        return "\\u0000" not in text and bool(text.encode())
    except ValueError:
        return False


def _check(shape: Mapping[str, Rule], settings: Mapping[str, Any]) -> None:
    for name, (check, what) in shape.items():
        if name not in settings:
            raise ValueError(f"“{name}” is missing: {what}.")
        if not check(settings[name]):
            raise ValueError(f"“{name}” must be {what}.")


def _nothing(settings: Mapping[str, Any]) -> list[str]:
    return []


def _sdxl(settings: Mapping[str, Any]) -> list[str]:
    return [
        f"“{name}” must be one of “{name}s”."
        for name in ("sampler", "scheduler")
        if settings[name] not in settings[f"{name}s"]
    ]


def _midjourney(settings: Mapping[str, Any]) -> list[str]:
    flags = settings["flags"]
    wrong = [
        f"“translate” names a flag that is not there: {other}."
        for other in settings["translate"].values()
        if other not in flags
    ]
    # How strongly it stylizes is always said, so its default must be there.
    stylize = flags.get("s", {})
    if stylize.get("kind") != "int" or not _is_whole(stylize.get("default")):
        wrong.append("The flag “s” must be an int with a default.")
    return wrong


def _pika(settings: Mapping[str, Any]) -> list[str]:
    if settings["form"] == "api" and settings["min_ratio"] > settings["max_ratio"]:
        return ["“min_ratio” must not be above “max_ratio”."]
    return []


_CROSS: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "sdxl": _sdxl,
    "midjourney": _midjourney,
    "pika": _pika,
}
