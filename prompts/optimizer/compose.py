"""Composing: from a request to the fragments that make up the prompt."""

from dataclasses import dataclass, field, replace

from .context import Context
from .fill import fill
from .fit import choose, cut_subject, in_order
from .negatives import user_negatives
from .reading import Reading, read_part, read_request, split_parts
from .request import OptimizeRequest
from .result import Dropped, Fragment
from .slots import JOIN, SLOTS
from .syntax import read_syntax
from .vocabulary import Vocabulary

_ROUNDS = 8  # more than a choice ever needs to settle


@dataclass(slots=True)
class Composition:
    """The fragments of a prompt in order, and all that is known beside them."""

    fragments: list[Fragment]
    context: Context
    unwanted: dict[str, str]
    flags: dict[str, str]
    dropped: list[Dropped] = field(default_factory=list)
    settled: bool = True  # nothing in it could be weighed differently at a second look

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
    """Read a request, settle repetitions and conflicts, choose what fits, fill what is open.

    A finished prompt, composed again, is the same. That is made sure of where a second look could
    weigh things differently: words that were filled in may make another choice the better one.
    """
    first = _compose_once(request, vocabulary)
    if not first.settled:
        _settle(first, request, vocabulary)
    return first


def _compose_once(request: OptimizeRequest, vocabulary: Vocabulary) -> Composition:
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
    # Extras are the first to go, so they wait until the slots before them are filled.
    extras = [fragment for fragment in stated if fragment.slot == "extra"]
    kept, gone = choose(in_order([part for part in stated if part.slot != "extra"]))
    if gone:
        context = _context_of(kept + extras, context)
    added, unplaced = fill(kept, context, tuple(unwanted), preset, extras=bool(extras))
    fragments, out = choose(in_order([*kept, *added, *extras]))
    dropped += [Dropped(fragment.text, "length") for fragment in (*gone, *out)] + unplaced
    settled = not (
        reading.inline_negatives
        or context.excused
        or any(loss.rule == "length" for loss in dropped)
        or any(len(fragment.terms) > 1 for fragment in reading.stated)
    )
    return Composition(fragments, context, unwanted, reading.flags, dropped, settled)


def _settle(first: Composition, request: OptimizeRequest, vocabulary: Vocabulary) -> None:
    """Compose the prompt again until it stays the same; origins and reasons stay the first ones."""
    known = {fragment.key: fragment for fragment in first.fragments}
    for _ in range(_ROUNDS):
        again = _compose_once(replace(request, idea=first.prompt), vocabulary)
        if again.prompt == first.prompt:
            return
        fragments = [known.get(fragment.key, fragment) for fragment in again.fragments]
        keys = {fragment.key for fragment in fragments}
        gone = [fragment for fragment in first.fragments if fragment.key not in keys]
        back = {fragment.text for fragment in fragments}
        first.dropped = [item for item in first.dropped if item.text not in back]
        first.dropped += [Dropped(fragment.text, "length") for fragment in gone]
        known.update((fragment.key, fragment) for fragment in fragments)
        first.fragments, first.context = fragments, _context_of(fragments, again.context)


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
