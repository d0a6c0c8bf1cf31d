"""What a person may ask the optimiser, checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from .errors import OptimizeInputError
from .text import clean_space

IDEA_LENGTH = 4000  # characters, after white space is cleaned
TEXT_LENGTHS = {"negative": 1000}
OPTION_LENGTH = 200
TAG_LENGTH = 100
TAG_COUNT = 50
LARGEST_SEED = 2**64 - 1
_RATIO = re.compile(r"^\s*(\d{1,4})\s*[:xX/\u00d7]\s*(\d{1,4})\s*$")
_LINES = re.compile(r"[\r\n]+")
_NAMES = ("preset", "sampler", "scheduler")
_VERSIONS = ("midjourney_version", "pika_version", "runway_version")
_TEXTS = ("lighting", "color_grade", "style", "composition", "mood", "motion")


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizeRequest:
    """An idea and the options that go with it. `parse` makes one from a mapping.

    idea: free text, up to 4000 characters. negative: unwanted words, comma-separated.
    aspect_ratio: "W:H". lighting, color_grade, style, composition, mood: one or more wishes,
    comma-separated. extra_tags: words for the end of the prompt. preset: code of a preset.
    motion: a camera move for video. seed 0 to 2^64-1, steps 1 to 60, cfg 1 to 15; sampler and
    scheduler as ComfyUI spells them. The versions pick a platform profile.
    """

    idea: str
    negative: str = ""
    aspect_ratio: str = ""
    lighting: str = ""
    color_grade: str = ""
    extra_tags: tuple[str, ...] = ()
    preset: str = ""
    style: str = ""
    composition: str = ""
    mood: str = ""
    motion: str = ""
    seed: int | None = None
    steps: int | None = None
    cfg: float | None = None
    sampler: str = ""
    scheduler: str = ""
    midjourney_version: str = ""
    pika_version: str = ""
    runway_version: str = ""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Check a mapping, as JSON or a form gives it, and return the request.

        Raises OptimizeInputError for the first thing that is wrong.
        """
        if not isinstance(data, Mapping):
            raise OptimizeInputError("invalid_type", "", "Send one JSON object.")
        for name in data:
            if name not in cls.__dataclass_fields__:
                shown = clean_space(str(name))[:60]
                raise OptimizeInputError(
                    "unknown_field", shown, f"There is no field called {shown!r}."
                )
        values: dict[str, Any] = {"idea": _idea(data.get("idea"))}
        values["negative"] = _text(data, "negative", lists=True)
        values["aspect_ratio"] = _ratio(data.get("aspect_ratio"))
        values["extra_tags"] = _tags(data.get("extra_tags"))
        for name in (*_TEXTS, *_NAMES):
            values[name] = _text(data, name)
        for name in _VERSIONS:
            values[name] = _version(data, name)
        values["seed"] = _number(data, "seed", 0, LARGEST_SEED)
        values["steps"] = _number(data, "steps", 1, 60)
        values["cfg"] = _decimal(data, "cfg", 1, 15)
        return cls(**values)


def _words_for(field: str) -> str:
    return field.replace("_", " ").capitalize()


def _wrong_type(field: str, what: str) -> OptimizeInputError:
    return OptimizeInputError("invalid_type", field, f"{_words_for(field)} must be {what}.")


def _limited(field: str, text: str, limit: int) -> str:
    text = text if "\n" in text else clean_space(text)
    if len(text) > limit:
        raise OptimizeInputError(
            "too_long",
            field,
            f"{_words_for(field)} can have at most {limit} characters; this one has {len(text)}.",
        )
    return text


def _idea(value: object) -> str:
    if value is None:
        raise OptimizeInputError("missing_field", "idea", "Write an idea first.")
    if not isinstance(value, str):
        raise _wrong_type("idea", "text")
    # Lines stay: they part an idea as commas do.
    text = "\n".join(line for line in map(clean_space, _LINES.split(value)) if line)
    if not text:
        raise OptimizeInputError("missing_field", "idea", "Write an idea first.")
    return _limited("idea", text, IDEA_LENGTH)


def _text(data: Mapping[str, Any], field: str, *, lists: bool = False) -> str:
    value = data.get(field)
    if value is None:
        return ""
    if lists and isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        value = ", ".join(value)
    if not isinstance(value, str):
        raise _wrong_type(field, "text")
    return _limited(field, clean_space(value), TEXT_LENGTHS.get(field, OPTION_LENGTH))


def _tags(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list | tuple) or not all(isinstance(tag, str) for tag in value):
        raise _wrong_type("extra_tags", "a list of words, or words separated by commas")
    tags = [tag for tag in map(clean_space, value) if tag]
    if len(tags) > TAG_COUNT:
        raise OptimizeInputError(
            "too_long", "extra_tags", f"Give at most {TAG_COUNT} extra tags; these are {len(tags)}."
        )
    return tuple(_limited("extra_tags", tag, TAG_LENGTH) for tag in tags)


def read_ratio(text: str) -> str:
    """Return "W:H" for a ratio between 1:4 and 4:1 in any usual writing, else an empty text."""
    match = _RATIO.match(text)
    if match is None or not match.group().isascii() and "\u00d7" not in text:
        return ""
    width, height = int(match.group(1)), int(match.group(2))
    if not width or not height or not 0.25 <= width / height <= 4:
        return ""
    return f"{width}:{height}"


def _ratio(value: object) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        raise _wrong_type("aspect_ratio", 'text such as "16:9"')
    ratio = read_ratio(clean_space(value))
    if not ratio:
        raise OptimizeInputError(
            "invalid_value",
            "aspect_ratio",
            "Aspect ratio must be two whole numbers such as 16:9, between 1:4 and 4:1.",
        )
    return ratio


def _version(data: Mapping[str, Any], field: str) -> str:
    value = data.get(field)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:g}"
    if value is not None and not isinstance(value, str):
        raise _wrong_type(field, 'text such as "6.1"')
    text = clean_space(value or "").lower()
    return _limited(field, text.removeprefix("v") if text[1:2].isdigit() else text, 20)


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _number(data: Mapping[str, Any], field: str, least: int, most: int) -> int | None:
    value = data.get(field)
    if _blank(value):
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,30}\s*", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(field, "a whole number")
    if not least <= value <= most:
        raise OptimizeInputError(
            "invalid_value", field, f"{_words_for(field)} must be between {least} and {most}."
        )
    return value


def _decimal(data: Mapping[str, Any], field: str, least: float, most: float) -> float | None:
    value = data.get(field)
    if _blank(value):
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,9}(?:\.[0-9]{1,9})?\s*", value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(field, "a number")
    if not least <= value <= most:
        raise OptimizeInputError(
            "invalid_value", field, f"{_words_for(field)} must be between {least} and {most}."
        )
    return round(float(value), 2)
