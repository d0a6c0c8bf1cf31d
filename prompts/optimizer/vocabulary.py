"""The vocabulary: terms, conflicts, presets, negatives, suggestions and platform profiles.

`Vocabulary.from_data` takes one mapping of flat records, the shape of the files in prompts/data and
of the rows staff edit, and builds every index once. Its keys:

version      text that names this state of the vocabulary; made from the content when missing.
terms        slot (quality, style, lighting, composition, mood, color_grade; motion for camera
             moves; subject for cues), family (a group within the slot; for a cue what it speaks
             of: person, animal, city), text, aliases [text], position, active,
             prose (may be read out of the middle of a sentence, not only between commas),
             vague_aliases (aliases for which that is not so), tags [condition], negatives [text]
             (unwanted words the term brings along), params (pika: "zoom in", sentence: text).
conflicts    code, title, kind (hard: the loser goes; soft: a hint), sides [[selector]] where a
             selector is a term's text or "slot:family", unless [text], active.
presets      code, title, description, slots {slot: [text]}, aspect_ratio, position, active.
negatives    group (anatomy, artifacts, branding, style, video), text, position, active,
             when [condition] (any of them must hold; none: always), unless [condition],
             positive (the same wish without a "no", for tools that know no negative prompt).
suggestions  slot, when (a condition, or default), text, position, active, reason (a sentence).
platforms    platform, version, default, title, active, settings (see platforms.json).

A condition is a cue's family, a style's family, or a tag.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from .clip import count_tokens
from .profiles import PLATFORMS, check_settings
from .request import read_ratio
from .slots import SLOTS
from .text import key_of, words

Side = tuple[str, int]  # code of a conflict set, number of a side


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase with one place in a prompt."""

    text: str
    key: str
    slot: str
    family: str
    prose: bool
    conditions: frozenset[str]
    hard: tuple[Side, ...]
    soft: tuple[Side, ...]
    negatives: tuple[str, ...]
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Preset:
    """A ready choice for every slot a person left open."""

    code: str
    title: str
    slots: Mapping[str, tuple[str, ...]]
    aspect_ratio: str


@dataclass(frozen=True, slots=True)
class Negative:
    """An unwanted word and when it is one."""

    text: str
    key: str
    tokens: int
    group: str
    when: frozenset[str]
    unless: frozenset[str]
    positive: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A term that suits a subject or a style."""

    term: Term
    when: str
    reason: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What one version of a platform accepts."""

    platform: str
    version: str
    title: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything the optimiser knows, indexed. Read-only; keep one per version."""

    version: str
    terms: Mapping[str, Term]  # by the key of every spelling; cues are not among them
    tries: Mapping[
        str, tuple[tuple[tuple[str, ...], Term, bool], ...]
    ]  # by first word, longest first
    by_slot: Mapping[str, tuple[Term, ...]]
    conflict_titles: Mapping[str, str]
    conflict_unless: Mapping[str, frozenset[str]]
    presets: Mapping[str, Preset]
    negatives: tuple[Negative, ...]
    video_negatives: tuple[str, ...]
    negatives_by_text: Mapping[str, Negative]
    negatives_by_key: Mapping[str, Negative]
    suggestions: Mapping[str, tuple[Suggestion, ...]]
    profiles: Mapping[str, Mapping[str, Profile]]
    default_profiles: Mapping[str, Profile] = field(repr=False)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Build the indexes. Raises KeyError or ValueError when records do not fit together.

        Every platform needs exactly one active default, and every active profile the settings its
        platform works with.
        """
        sides = _conflict_sides(data["conflicts"])
        terms: dict[str, Term] = {}
        windows: dict[str, list[tuple[tuple[str, ...], Term, bool]]] = {}
        by_slot: dict[str, list[Term]] = {}
        for record in _active(data["terms"]):
            term = _term(record, sides)
            spellings = [record["text"], *_texts(record, "aliases")]
            vague = set(_texts(record, "vague_aliases"))
            if term.slot == "subject":
                spellings += _plurals(record["text"])
            else:
                by_slot.setdefault(term.slot, []).append(term)
            for spelling in spellings:
                parts = tuple(words(spelling))
                if not parts:
                    continue
                if term.slot != "subject":
                    terms.setdefault(" ".join(parts), term)
                prose = term.prose and spelling not in vague
                windows.setdefault(parts[0], []).append((parts, term, prose))
        profiles, defaults = _profiles(data["platforms"])
        # By group in the order the groups first appear, by position within each.
        groups = list(dict.fromkeys(record["group"] for record in data["negatives"]))
        negatives = tuple(
            sorted(map(_negative, _active(data["negatives"])), key=lambda n: groups.index(n.group))
        )
        return cls(
            version=str(data.get("version") or fingerprint(data)),
            terms=MappingProxyType(terms),
            tries={
                first: tuple(sorted(entries, key=lambda entry: (-len(entry[0]), entry[0])))
                for first, entries in windows.items()
            },
            by_slot={slot: tuple(found) for slot, found in by_slot.items()},
            conflict_titles={row["code"]: row["title"] for row in data["conflicts"]},
            conflict_unless={
                row["code"]: frozenset(map(key_of, _texts(row, "unless")))
                for row in data["conflicts"]
                if row.get("unless")
            },
            presets={row["code"]: _preset(row) for row in _active(data["presets"])},
            negatives=negatives,
            video_negatives=tuple(n.text for n in negatives if n.group == "video"),
            negatives_by_text={negative.text: negative for negative in negatives},
            negatives_by_key={negative.key: negative for negative in negatives},
            suggestions=_suggestions(data["suggestions"], terms),
            profiles=profiles,
            default_profiles=defaults,
        )

    def profile(self, platform: str, version: str = "") -> Profile | None:
        """Return a platform's profile, the default one without a version; None if unknown."""
        if not version:
            return self.default_profiles[platform]
        return self.profiles[platform].get(version)


def fingerprint(data: Mapping[str, Any]) -> str:
    """Return a short name for the content of vocabulary data."""
    canonical = json.dumps(data, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.blake2b(canonical.encode(), digest_size=6).hexdigest()


def _active(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found = [record for record in records if record.get("active", True)]
    return sorted(found, key=lambda record: record.get("position", 0)) if found else []


def _texts(record: Mapping[str, Any], name: str, of: str = "") -> list[str]:
    """Return a list of words in a record. Raises ValueError when it is something else."""
    value = record.get(name) or []
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"{of or _name(record)}: “{name}” must be a list of words.")
    return list(value)


def _name(record: Mapping[str, Any]) -> str:
    return str(record.get("title") or record.get("text") or record.get("code") or "A row")


def _conflict_sides(records: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[Side]]]:
    sides: dict[str, dict[str, list[Side]]] = {"hard": {}, "soft": {}}
    for record in records:
        if not record.get("active", True):
            continue
        if not isinstance(record["sides"], list | tuple):
            raise ValueError(f"{_name(record)}: the sides must be lists of words.")
        for number, side in enumerate(record["sides"]):
            for selector in _texts({**record, "sides": side}, "sides"):
                name = selector if ":" in selector else key_of(selector)
                sides[record["kind"]].setdefault(name, []).append((record["code"], number))
    return sides


def _term(record: Mapping[str, Any], sides: dict[str, dict[str, list[Side]]]) -> Term:
    slot, family, key = record["slot"], record["family"], key_of(record["text"])
    if slot not in SLOTS and slot != "motion":
        raise ValueError(f"Unknown slot {slot!r} of term {record['text']!r}")
    names = (key, f"{slot}:{family}")
    conditions = {*_texts(record, "tags")}
    if slot in ("subject", "style"):
        conditions.add(family)
    return Term(
        text=record["text"],
        key=key,
        slot=slot,
        family=family,
        prose=record.get("prose", True),
        conditions=frozenset(conditions),
        hard=tuple(side for name in names for side in sides["hard"].get(name, ())),
        soft=tuple(side for name in names for side in sides["soft"].get(name, ())),
        negatives=tuple(_texts(record, "negatives")),
        params=_params(record),
    )


def _params(record: Mapping[str, Any]) -> Mapping[str, str]:
    params = record.get("params") or {}
    if not isinstance(params, dict) or not all(
        isinstance(text, str) and text.isprintable() for text in params.values()
    ):
        raise ValueError(f'{_name(record)}: the params look like {{"pika": "zoom in"}}.')
    return params


def _plurals(text: str) -> list[str]:
    if text.endswith(("s", "x", "ch", "sh")):
        return [text + "es"]
    if text.endswith("y") and text[-2:-1] not in "aeiou":
        return [text[:-1] + "ies"]
    return [text + "s"]


def _preset(record: Mapping[str, Any]) -> Preset:
    name, ratio = _name(record), record.get("aspect_ratio") or ""
    if not isinstance(record["slots"], dict):
        raise ValueError(f"{name}: write one slot per line, like “lighting: golden hour”.")
    unknown = [slot for slot in record["slots"] if slot not in SLOTS and slot != "motion"]
    if unknown:
        raise ValueError(f"{name}: there is no slot “{unknown[0]}”.")
    if ratio and read_ratio(ratio) != ratio:
        raise ValueError(f"{name}: the aspect ratio looks like 16:9, between 1:4 and 4:1.")
    slots = {slot: tuple(_texts(record["slots"], slot, name)) for slot in record["slots"]}
    return Preset(record["code"], record["title"], slots, ratio)


def _negative(record: Mapping[str, Any]) -> Negative:
    key = key_of(record["text"])
    return Negative(
        text=record["text"],
        key=key,
        tokens=count_tokens(record["text"]),
        group=record["group"],
        when=frozenset(_texts(record, "when")),
        unless=frozenset(_texts(record, "unless")),
        positive=record.get("positive", ""),
    )


def _suggestions(
    records: Iterable[Mapping[str, Any]], terms: Mapping[str, Term]
) -> dict[str, tuple[Suggestion, ...]]:
    found: dict[str, list[Suggestion]] = {}
    for record in _active(records):
        term = terms.get(key_of(record["text"]))
        if term is None or term.slot != record["slot"]:
            continue  # Staff switched the term off or moved it; its suggestions go with it.
        entry = Suggestion(term, record["when"], record["reason"])
        found.setdefault(record["slot"], []).append(entry)
    return {slot: tuple(entries) for slot, entries in found.items()}


def _profiles(
    records: Iterable[Mapping[str, Any]],
) -> tuple[dict[str, dict[str, Profile]], dict[str, Profile]]:
    profiles: dict[str, dict[str, Profile]] = {}
    defaults: dict[str, Profile] = {}
    for record in _active(records):
        platform, version, title = record["platform"], record["version"], record["title"]
        try:
            check_settings(platform, record["settings"])
        except ValueError as error:
            raise ValueError(f"{title}: {error}") from None
        profile = Profile(platform, version, title, record["settings"])
        profiles.setdefault(platform, {})[version] = profile
        if record.get("default") and defaults.setdefault(platform, profile) is not profile:
            raise ValueError(f"{title}: {defaults[platform].title} is the default already.")
    for platform in PLATFORMS:
        if platform not in defaults:
            raise ValueError(f"{platform} needs a profile that is switched on and the default.")
    return profiles, defaults
