"""Composing: from a request to the fragments that make up the prompt."""

from dataclasses import dataclass, field

from .context import Context
from .fill import fill
from .fit import choose, cut_subject, in_order, joined_length
from .negatives import user_negatives
from .reading import Reading, read_part, read_request, split_parts
from .request import OptimizeRequest
from .result import Dropped, Fragment
from .slots import FULL, JOIN, SLOTS
from .syntax import read_syntax
from .vocabulary import Preset, Vocabulary

_ROUNDS = 4  # more than a choice ever needs to settle


@dataclass(slots=True)
class Composition:
    """The fragments of a prompt in order, and all that is known beside them."""

    fragments: list[Fragment]
    context: Context
    unwanted: dict[str, str]
    flags: dict[str, str]
    dropped: list[Dropped] = field(default_factory=list)

    @property
    def prompt(self) -> str:
        """The fragments joined by commas."""
        return JOIN.join([fragment.text for fragment in self.fragments])

    def conditions(self) -> set[str]:
        """Return what the fragments speak of: kinds of subject, families of style, tags."""
        return {c for f in self.fragments for term in f.terms for c in term.conditions}

    def context_of(self, fragments: list[Fragment]) -> Context:
        """Return a context that holds only the fragments given."""
        return _context_of(fragments, self.context)

    def by_slot(self) -> dict[str, tuple[Fragment, ...]]:
        """Return the fragments of every slot, all eight in order."""
        slots: dict[str, list[Fragment]] = {slot: [] for slot in SLOTS}
        for fragment in self.fragments:
            slots[fragment.slot].append(fragment)
        return {slot: tuple(found) for slot, found in slots.items()}


def compose(request: OptimizeRequest, vocabulary: Vocabulary) -> Composition:
    """Read a request, settle repetitions and conflicts, choose what fits, fill what is open."""
    reading = read_request(request, vocabulary)
    dropped = reading.dropped
    preset = vocabulary.presets.get(request.preset)
    context = Context(vocabulary)
    subject = _subject(reading, context, vocabulary)
    stated = list(subject)
    for fragment in reading.stated:
        if loss := context.admit(fragment):
            dropped.append(loss)
        else:
            stated.append(fragment)
    unwanted, losses = user_negatives(reading.negatives, stated)
    dropped += losses
    kept, gone = choose(in_order(stated))
    if gone:
        context = _context_of(kept, context)
    added, unplaced = fill(kept, context, tuple(unwanted), preset)
    fragments = in_order(kept + added)
    if gone:
        fragments, gone = _settle(fragments, gone, stated, context, (tuple(unwanted), preset))
        context = _context_of(fragments, context)
    dropped += [Dropped(fragment.text, "length") for fragment in gone]
    dropped += unplaced
    return Composition(fragments, context, unwanted, reading.flags, dropped)


def _subject(reading: Reading, context: Context, vocabulary: Vocabulary) -> list[Fragment]:
    """Take the subject into the context: without repeated parts, and short enough."""
    kept: list[Fragment] = []
    seen: dict[str, str] = {}
    for part in reading.subject:
        exact = part.text.casefold()
        if exact in seen:
            reading.dropped.append(Dropped(part.text, "duplicate", seen[exact]))
            continue
        seen[exact] = part.text
        kept.append(part)

    def read(text: str) -> Fragment:
        fragment = read_part(text, vocabulary, reading.claims)
        if split_parts(read_syntax(text).text) != [text]:
            fragment.slot = ""  # The cut made markup or a comma of it.
        return fragment

    kept, rest = cut_subject(kept, reading.stated, read)
    if rest:
        reading.dropped.append(Dropped(rest, "length"))
    context.excuse([*kept, *reading.stated])
    for part in kept:
        context.take(part)
    return kept


def _context_of(fragments: list[Fragment], old: Context) -> Context:
    context = Context(old.vocabulary)
    context.excused = old.excused
    for fragment in fragments:
        context.take(fragment)
    return context


def _settle(
    fragments: list[Fragment],
    gone: list[Fragment],
    stated: list[Fragment],
    context: Context,
    rules: tuple[tuple[str, ...], Preset | None],
) -> tuple[list[Fragment], list[Fragment]]:
    """Choose again with the options that had no room, until the choice stays the same.

    Options are asked for again when a finished prompt comes back as an idea; the words that were
    filled in may then make room for them. This makes the first answer the one the second gives.
    """
    places = {id(fragment): place for place, fragment in enumerate(stated)}
    options = [fragment for fragment in gone if fragment.rule.startswith("option.")]
    lost = [fragment for fragment in gone if not fragment.rule.startswith("option.")]
    for _ in range(_ROUNDS):
        if not options or joined_length(fragments) >= FULL:
            break
        candidates = sorted(
            [*fragments, *options], key=lambda fragment: places.get(id(fragment), len(places))
        )
        kept, out = choose(in_order(candidates))
        if {id(fragment) for fragment in kept} == {id(fragment) for fragment in fragments}:
            break
        added, _ = fill(kept, _context_of(kept, context), *rules)
        fragments = in_order(kept + added)
        options = [fragment for fragment in out if fragment.rule.startswith("option.")]
        lost += [fragment for fragment in out if not fragment.rule.startswith("option.")]
    return fragments, lost + options
