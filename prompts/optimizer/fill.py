"""Filling: what a person left open, from the preset, the subject, or a safe default.

Only an empty slot is filled, never a slot that says something already, and it stays empty only
when nothing that suits it fits. So a finished prompt, read again, has nothing left to fill.
"""

from collections.abc import Iterator

from .context import Context
from .fit import joined_length
from .reading import read_part
from .result import Dropped, Fragment
from .slots import JOIN, LONGEST
from .vocabulary import Preset, Suggestion, Vocabulary

_ORDER = ("quality", "style", "lighting", "composition", "mood", "color_grade", "extra")
_COUNT = {"quality": 3}  # one suggestion a slot but here
_DECIDING = ("subject", "style")  # what the other slots are chosen to suit


def fill(
    kept: list[Fragment],
    context: Context,
    unwanted: tuple[str, ...],
    preset: Preset | None,
    *,
    extras: bool,
) -> tuple[list[Fragment], list[Dropped]]:
    """Return fragments for the empty slots that fit into the prompt, and what had no place.

    `unwanted` are keys of words the person does not want; `extras` tells that they gave extra tags.
    """
    open_slots = set(_ORDER).difference([fragment.slot for fragment in kept])
    room = LONGEST - joined_length(kept) - (len(JOIN) if kept else 0)
    conditions = {
        condition
        for fragment in kept
        if fragment.slot in _DECIDING
        for term in fragment.terms
        for condition in term.conditions
    }
    added: list[Fragment] = []
    dropped: list[Dropped] = []
    for slot in _ORDER:
        if slot not in open_slots or (extras and slot == "extra"):
            continue
        chosen: list[Fragment] = []
        tight: list[Dropped] = []
        for source, limit in (
            (_of_preset(slot, preset, context, unwanted, dropped), 99),
            (_suggested(slot, context, unwanted, conditions), _COUNT.get(slot, 1)),
        ):
            for fragment in source:
                if len(fragment.text) > room:
                    tight.append(Dropped(fragment.text, "length"))
                    continue
                room -= len(fragment.text) + len(JOIN)
                context.take(fragment)
                chosen.append(fragment)
                if len(chosen) == limit:
                    break
            if chosen:
                break
        dropped += tight[:1]
        added += chosen
        if slot == "style":
            conditions.update(c for f in chosen for term in f.terms for c in term.conditions)
    return added, dropped


def _of_preset(
    slot: str,
    preset: Preset | None,
    context: Context,
    unwanted: tuple[str, ...],
    dropped: list[Dropped],
) -> Iterator[Fragment]:
    for text in preset.slots.get(slot, ()) if preset else ():
        fragment = preset_fragment(text, slot, preset, context.vocabulary)
        if winner := unwanted_word(fragment.key, unwanted):
            dropped.append(Dropped(text, "unwanted", winner))
        elif loss := context.refusal(fragment):
            dropped.append(loss)
        else:
            yield fragment


def _suggested(
    slot: str, context: Context, unwanted: tuple[str, ...], conditions: set[str]
) -> Iterator[Fragment]:
    for suggestion in context.vocabulary.suggestions.get(slot, ()):
        when = suggestion.when
        if when != "default" and when not in conditions:
            continue
        term = suggestion.term
        if term.key in context.taken or context.clash((term,)):
            continue
        if unwanted and unwanted_word(term.key, unwanted):
            continue
        yield suggested_fragment(suggestion)


def suggested_fragment(suggestion: Suggestion) -> Fragment:
    """Return a suggestion as a fragment with its reason."""
    term, when = suggestion.term, suggestion.when
    if when == "default":
        origin, rule = "default", f"default.{term.slot}"
    else:
        origin, rule = "inferred", f"infer.{when}"
    return Fragment(term.text, term.key, term.slot, origin, rule, suggestion.reason, (term,))


def preset_fragment(
    text: str, slot: str, preset: Preset | None, vocabulary: Vocabulary
) -> Fragment:
    """Return one wish of a preset as a fragment."""
    fragment = read_part(text, vocabulary, {})
    title, code = (preset.title, preset.code) if preset else ("", "")
    fragment.slot, fragment.origin, fragment.rule = slot, "preset", f"preset.{code}"
    fragment.reason = f"It is part of the preset {title}."
    return fragment


def unwanted_word(key: str, unwanted: tuple[str, ...]) -> str:
    """Return the unwanted word that the words of `key` contain, or an empty text."""
    if not unwanted:
        return ""
    padded = f" {key} "
    return next((word for word in unwanted if f" {word} " in padded), "")
