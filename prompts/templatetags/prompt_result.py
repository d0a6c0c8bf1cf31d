"""Template filters that turn an optimiser result into rows, lines and blocks a page can draw.

They read the shape, not the names: a platform that gains a setting shows it without a new template.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, TypedDict

from django import template

register = template.Library()

NAMES = {
    "text": "Prompt",
    "sdxl": "SDXL",
    "comfyui": "ComfyUI",
    "cfg": "CFG scale",
    "color_grade": "Color grade",
    "vae": "VAE",
    "fps": "FPS",
    "url": "URL",
}
SINGLE_VALUE_LENGTH = 48  # characters; a longer text is a line of its own with a copy button
CHUNK = 75  # CLIP reads tokens in chunks of this size
TEXT_KEYS = frozenset({"text", "prompt", "negative", "negative_prompt", "command", "line"})


class Line(TypedDict):
    """A text to copy."""

    key: str
    name: str
    text: str


class Pair(TypedDict):
    """A setting and its value."""

    name: str
    value: str


class Block(TypedDict):
    """Structured data, shown as JSON."""

    key: str
    name: str
    data: Mapping[str, Any]


class Stretch(TypedDict):
    """The place of one slot within a chunk, in tokens."""

    slot: str
    start: int
    tokens: int


class Chunk(TypedDict):
    """One chunk of tokens as the page draws it."""

    tokens: int
    limit: int
    parts: list[Stretch]


class Parts(TypedDict):
    """What one platform's card shows, in the order it shows it."""

    lines: list[Line]
    pairs: list[Pair]
    blocks: list[Block]


@register.filter
def spoken(key: object) -> str:
    """Return a key as a person reads it: `sampler_name` becomes `Sampler name`."""
    text = str(key)
    return NAMES.get(text, text.replace("_", " ").strip().capitalize())


@register.filter
def pretty_json(data: object) -> str:
    """Return data as indented JSON, any script unescaped."""
    return json.dumps(data, indent=2, ensure_ascii=False)


@register.filter
def json_address(data: object) -> str:
    """Return a `data:` address holding the JSON, so that a link saves it without any script."""
    encoded = base64.b64encode(pretty_json(data).encode("utf-8", "replace")).decode("ascii")
    return f"data:application/json;base64,{encoded}"


@register.filter
def token_chunks(tokens: object) -> list[Chunk]:
    """Return the chunks of a result's `tokens` with the place each slot takes in them."""
    chunks = tokens.get("chunks", []) if isinstance(tokens, Mapping) else []
    return [chunk_of(chunk) for chunk in chunks if isinstance(chunk, Mapping)]


def chunk_of(chunk: Mapping[str, Any]) -> Chunk:
    """Return one chunk: `tokens` in all and per slot."""
    parts: list[Stretch] = []
    start = 0
    for slot, count in chunk.get("slots", {}).items():
        parts.append({"slot": slot, "start": start, "tokens": count})
        start += count
    return {"tokens": chunk.get("tokens", start), "limit": CHUNK, "parts": parts}


@register.filter
def platform_parts(platform: object) -> Parts:
    """Sort the entries of a platform's configuration into lines, pairs and blocks."""
    parts: Parts = {"lines": [], "pairs": [], "blocks": []}
    for key, value in platform.items() if isinstance(platform, Mapping) else ():
        sort_entry(parts, str(key), value)
    return parts


def sort_entry(parts: Parts, key: str, value: object) -> None:
    """Put one entry where it belongs; empty ones nowhere."""
    if value is None or value in ("", [], {}):
        return
    if isinstance(value, Mapping):
        if any(isinstance(inner, Mapping) for inner in value.values()):
            parts["blocks"].append({"key": key, "name": spoken(key), "data": value})
        else:
            parts["pairs"] += pairs_of(value, as_flags=key == "flags")
    elif isinstance(value, str) and (key in TEXT_KEYS or len(value) > SINGLE_VALUE_LENGTH):
        parts["lines"].append({"key": key, "name": spoken(key), "text": value})
    else:
        parts["pairs"].append({"name": spoken(key), "value": shown(value)})


def pairs_of(settings: Mapping[str, Any], *, as_flags: bool) -> list[Pair]:
    """Return a flat mapping as pairs, without empty values; flags keep the name one types."""
    return [
        {"name": f"--{str(key).lstrip('-')}" if as_flags else spoken(key), "value": shown(value)}
        for key, value in settings.items()
        if value is not None and value not in ("", [], {})
    ]


def shown(value: object) -> str:
    """Return a value in everyday writing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value)
    return str(value)
