"""Choices: what a person may pick from a vocabulary, for lists in forms."""

from .vocabulary import Vocabulary

CHOSEN_SLOTS = ("style", "lighting", "composition", "mood", "color_grade", "motion")
VERSIONED = ("midjourney", "pika", "runway")


def choices_of(vocabulary: Vocabulary) -> dict[str, list[tuple[str, str]]]:
    """Return, for every option with a list, pairs of the value to send and the text to show."""
    drawing = vocabulary.default_profiles["sdxl"].settings
    found = {"preset": [(code, preset.title) for code, preset in vocabulary.presets.items()]}
    for slot in CHOSEN_SLOTS:
        found[slot] = [(term.text, term.text) for term in vocabulary.by_slot.get(slot, ())]
    for name in ("sampler", "scheduler"):
        found[name] = [(value, value) for value in drawing[f"{name}s"]]
    for platform in VERSIONED:
        profiles = vocabulary.profiles[platform].values()
        found[f"{platform}_version"] = [(profile.version, profile.title) for profile in profiles]
    return found
