"""The vocabulary the product starts with: the files in prompts/data."""

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "data"
STARTER_VERSION = "starter-1"


def starter_data() -> dict[str, Any]:
    """Return the starter records in the shape `Vocabulary.from_data` takes."""
    return {
        "version": STARTER_VERSION,
        "terms": _records("vocabulary") + _records("cues"),
        "conflicts": _records("conflicts"),
        "presets": _records("presets"),
        "negatives": _records("negatives"),
        "suggestions": _records("suggestions"),
        "platforms": _records("platforms"),
    }


def _records(name: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads((DATA / f"{name}.json").read_text("utf-8"))
    return records
