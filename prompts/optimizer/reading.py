"""Reading: which part of an idea belongs to which slot.

Parts stand between commas. A part that is a term of the vocabulary, or made of nothing but terms
and small words, goes to the term's slot; every other part is the subject and keeps its words.
"""

import re
from dataclasses import dataclass, field

from .request import OptimizeRequest
from .result import Dropped, Fragment
from .slots import OPTION_SLOTS
from .syntax import read_syntax
from .text import words
from .vocabulary import Preset, Term, Vocabulary

_COMMA = re.compile(r"(?<![0-9]),|,(?![0-9])")
_SMALL_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "at",
        "atmosphere",
        "by",
        "color",
        "colors",
        "colour",
        "colours",
        "feel",
        "in",
        "light",
        "lighting",
        "lit",
        "look",
        "mood",
        "of",
        "on",
        "palette",
        "shot",
        "style",
        "the",
        "tone",
        "tones",
        "very",
        "vibe",
        "with",
    ]
)
_NEGATION = re.compile(r"(?:no|without)\s+(\S+(?:\s+\S+){0,2})", re.IGNORECASE)
_LONGEST_COVERED = 6  # words; a longer part is a sentence, and a sentence is subject
_MOTION = "motion"
_SUBJECT_REASON = "This is your idea, in your own words."


@dataclass(slots=True)
class Reading:
    """A request taken apart: subject parts, what else the person stated, and typed flags."""

    subject: list[Fragment] = field(default_factory=list)
    stated: list[Fragment] = field(default_factory=list)  # options first, then parts of the idea
    negatives: list[str] = field(default_factory=list)
    inline_negatives: bool = False  # some were typed within the idea
    flags: dict[str, str] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)
    free: set[str] = field(default_factory=set)  # keys of extra tags that no slot knows
    claims: dict[str, str] = field(default_factory=dict)  # by key: the slot an option gave words


def split_parts(text: str) -> list[str]:
    """Split at commas, not inside numbers, and trim each part until nothing more comes off."""
    return [part for part in map(trim_part, _COMMA.split(text)) if part]


def trim_part(part: str) -> str:
    """Take closing full stops and enclosing brackets off a part."""
    part = part.strip()
    while part:
        short = part.rstrip(" .;,").lstrip(" ;,")
        if short and (
            (short[0] == "(" and short[-1] == ")" and _encloses(short, "(", ")"))
            or (short[0] == "[" and short[-1] == "]" and _encloses(short, "[", "]"))
        ):
            short = short[1:-1].strip()
        if short == part:
            return part
        part = short
    return ""


def _encloses(text: str, left: str, right: str) -> bool:
    depth = 0
    for index, char in enumerate(text):
        depth += (char == left) - (char == right)
        if not depth:
            return index == len(text) - 1
    return False


def find_terms(parts: list[str], vocabulary: Vocabulary, *, prose: bool) -> tuple[list[Term], bool]:
    """Return the terms within a run of words, longest first at each place.

    With `prose` only those that may be read out of a sentence. The flag tells whether terms (not
    cues) and small words make up the whole run.
    """
    found: list[Term] = []
    covered = True
    tries = vocabulary.tries
    index, end = 0, len(parts)
    while index < end:
        entries = tries.get(parts[index])
        step = 0
        if entries:
            for spelling, term, in_prose in entries:
                size = len(spelling)
                if (in_prose or not prose) and (
                    size == 1 or tuple(parts[index : index + size]) == spelling
                ):
                    found.append(term)
                    step = size
                    covered = covered and term.slot != "subject"
                    break
        if not step:
            covered = covered and parts[index] in _SMALL_WORDS
            step = 1
        index += step
    return found, covered


def read_part(text: str, vocabulary: Vocabulary, claims: dict[str, str]) -> Fragment:
    """Return a part of the idea as a fragment in the slot it belongs to."""
    parts = words(text)
    key = " ".join(parts) or text.casefold()
    term = vocabulary.terms.get(key)
    if term is not None:
        terms: tuple[Term, ...] = (term,)
        slot = term.slot
    else:
        short = len(parts) <= _LONGEST_COVERED
        found, covered = find_terms(parts, vocabulary, prose=not short)
        if short and covered and found:
            terms, slot = tuple(found), found[0].slot
        else:
            if short:
                found, _ = find_terms(parts, vocabulary, prose=True)
            terms, slot = tuple(found), "subject"
    if key in claims:
        slot = claims[key]
        return Fragment(text, key, slot, "user", f"option.{slot}", _option_reason(slot), terms)
    if slot == "subject":
        return Fragment(text, key, slot, "user", "idea.subject", _SUBJECT_REASON, terms)
    if slot == _MOTION:
        reason = "You wrote this camera move; video tools use it."
        return Fragment(text, key, "extra", "user", "idea.motion", reason, terms)
    reason = f"You wrote this; it belongs to {_spoken(slot)}."
    return Fragment(text, key, slot, "user", "idea.term", reason, terms)


def _spoken(slot: str) -> str:
    return slot.replace("_", " ")


def _option_reason(slot: str) -> str:
    return f"You chose this as {_spoken(slot)}." if slot != "extra" else "You added this tag."


def read_request(request: OptimizeRequest, vocabulary: Vocabulary) -> Reading:
    """Take a request apart into fragments, unwanted words and flags."""
    reading = Reading()
    options = _options(request, vocabulary, reading)
    claims = reading.claims
    for fragment in options:
        claims.setdefault(fragment.key, fragment.slot)
    preset = vocabulary.presets.get(request.preset)
    if preset is not None:
        _claim_preset_words(preset, vocabulary, claims)
    idea = read_syntax(request.idea)
    reading.free = {key for key in reading.free if claims[key] == "extra"}
    reading.flags = idea.flags
    reading.dropped += [Dropped(text, "syntax", kept) for text, kept in idea.removed]
    every = [read_part(part, vocabulary, claims) for part in split_parts(idea.text)]
    parts, unwanted = _without_negations(every)
    reading.dropped += [Dropped(text, "negation", f"negative: {word}") for text, word in unwanted]
    reading.subject = [part for part in parts if part.slot == "subject"]
    reading.stated = options + [part for part in parts if part.slot != "subject"]
    if not reading.subject:
        _promote_tags(reading, parts, options)
    inline = [*idea.negatives, *(word for _, word in unwanted)]
    _read_negatives(request, inline, reading)
    reading.inline_negatives = bool(inline)
    return reading


def _without_negations(parts: list[Fragment]) -> tuple[list[Fragment], list[tuple[str, str]]]:
    """Take parts such as "no people" out: a picture model that reads them draws people.

    The first part of the subject always stays ("no man's land").
    """
    kept: list[Fragment] = []
    unwanted: list[tuple[str, str]] = []
    subject = False
    for part in parts:
        found = _NEGATION.fullmatch(part.text) if part.slot == "subject" and subject else None
        if found:
            unwanted.append((part.text, found[1]))
            continue
        subject = subject or part.slot == "subject"
        kept.append(part)
    return kept, unwanted


def _options(request: OptimizeRequest, vocabulary: Vocabulary, reading: Reading) -> list[Fragment]:
    fragments: list[Fragment] = []
    for slot in OPTION_SLOTS:
        if value := getattr(request, slot):
            fragments += _option(slot, value, vocabulary, reading)
    for tag in request.extra_tags:
        fragments += _option("extra", tag, vocabulary, reading)
    return fragments


def _option(slot: str, text: str, vocabulary: Vocabulary, reading: Reading) -> list[Fragment]:
    syntax = read_syntax(text)
    reading.dropped += [Dropped(old, "syntax", kept) for old, kept in syntax.removed]
    reading.dropped += [Dropped(f"--{n} {v}".strip(), "syntax") for n, v in syntax.flags.items()]
    reading.dropped += [Dropped(f"--no {word}", "syntax") for word in syntax.negatives]
    fragments = []
    for part in split_parts(syntax.text):
        fragment = read_part(part, vocabulary, {})
        if slot == "extra" and fragment.slot == "subject":
            reading.free.add(fragment.key)
        fragment.slot, fragment.rule = slot, f"option.{slot}"
        fragment.reason = _option_reason(slot)
        fragments.append(fragment)
    return fragments


def _claim_preset_words(preset: Preset, vocabulary: Vocabulary, claims: dict[str, str]) -> None:
    """A preset's own words that no slot knows would read as subject the second time."""
    for slot, texts in preset.slots.items():
        for text in texts:
            key = " ".join(words(text))
            if key not in vocabulary.terms:
                claims.setdefault(key, slot)


def _promote_tags(reading: Reading, parts: list[Fragment], options: list[Fragment]) -> None:
    """Without a subject, free extra tags are what the picture shows."""
    promoted: dict[str, Fragment] = {}
    for fragment in [*parts, *options]:
        if (
            fragment.slot == "extra"
            and fragment.key in reading.free
            and fragment.key not in promoted
        ):
            fragment.slot, fragment.rule = "subject", "idea.subject"
            fragment.reason = "Your idea names no subject, so your tag is the subject."
            promoted[fragment.key] = fragment
    reading.subject = list(promoted.values())
    reading.stated = [fragment for fragment in reading.stated if fragment.slot != "subject"]


def _read_negatives(request: OptimizeRequest, inline: list[str], reading: Reading) -> None:
    typed = request.negative
    syntax = read_syntax(typed) if typed else None
    listed = split_parts(syntax.text) + syntax.negatives if syntax else []
    for text in [*listed, *inline]:
        for part in split_parts(read_syntax(text).text):
            plain = re.sub(r"^(?:no|without)\s+(?=\S)", "", part, flags=re.IGNORECASE)
            reading.negatives.append(plain)
