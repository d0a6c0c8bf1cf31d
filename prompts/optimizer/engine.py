"""The optimiser: an idea and options in, one result out."""

from collections.abc import Iterable, Iterator

from .compose import Composition, compose
from .errors import OptimizeInputError
from .fit import in_order, joined_length
from .hints import hints_for
from .negatives import negative_words
from .platforms import Scene, build_all
from .request import OptimizeRequest
from .result import Fragment, Result
from .slots import JOIN, LONGEST, OPTION_SLOTS
from .tokens import chunk_slots, chunk_text, tokens_as_dict
from .vocabulary import Term, Vocabulary

MOST_VARIANTS = 8
VARIANT_SLOTS = ("quality", *OPTION_SLOTS)


def check_choices(request: OptimizeRequest, vocabulary: Vocabulary) -> None:
    """Raise OptimizeInputError when a named choice (preset, sampler, version) does not exist."""
    drawing = vocabulary.default_profiles["sdxl"].settings
    choices = (
        ("preset", vocabulary.presets),
        ("sampler", drawing["samplers"]),
        ("scheduler", drawing["schedulers"]),
        ("midjourney_version", vocabulary.profiles["midjourney"]),
        ("pika_version", vocabulary.profiles["pika"]),
        ("runway_version", vocabulary.profiles["runway"]),
    )
    for field, known in choices:
        value = getattr(request, field)
        if value and value not in known:
            name = field.replace("_", " ").capitalize()
            raise OptimizeInputError(
                "invalid_value",
                field,
                f"{name} {value[:40]!r} is not known. Choose one of: {', '.join(known)}.",
            )


def optimize(request: OptimizeRequest, vocabulary: Vocabulary) -> Result:
    """Return the result for one request. The same input gives the same bytes.

    Raises OptimizeInputError when a named choice does not exist in the vocabulary.
    """
    check_choices(request, vocabulary)
    return _finish(request, vocabulary, compose(request, vocabulary))


def optimize_many(requests: Iterable[OptimizeRequest], vocabulary: Vocabulary) -> Iterator[Result]:
    """Yield the result of each request in turn."""
    for request in requests:
        yield optimize(request, vocabulary)


def variants(
    request: OptimizeRequest, vocabulary: Vocabulary, *, slot: str, count: int = 2
) -> list[Result]:
    """Return up to `count` results, the plain one first, that differ in `slot` only.

    There are fewer when the vocabulary holds no more terms that go with the rest of the prompt.
    Raises OptimizeInputError for a slot that cannot vary or a count outside 2 to 8.
    """
    if slot not in VARIANT_SLOTS:
        known = ", ".join(VARIANT_SLOTS)
        raise OptimizeInputError("invalid_value", "slot", f"Slot must be one of: {known}.")
    if isinstance(count, bool) or not isinstance(count, int) or not 2 <= count <= MOST_VARIANTS:
        raise OptimizeInputError(
            "invalid_value", "count", f"Count must be between 2 and {MOST_VARIANTS}."
        )
    check_choices(request, vocabulary)
    base = compose(request, vocabulary)
    results = [_finish(request, vocabulary, base)]
    for fragments in _alternatives(base, slot, vocabulary):
        other = Composition(fragments, base.context, base.unwanted, base.flags, [*base.dropped])
        results.append(_finish(request, vocabulary, other))
        if len(results) == count:
            break
    return results


def _alternatives(base: Composition, slot: str, vocabulary: Vocabulary) -> Iterator[list[Fragment]]:
    """Yield the base fragments with another term in one slot, best suited first."""
    others = [fragment for fragment in base.fragments if fragment.slot != slot]
    context = base.context_of(others)
    room = LONGEST - joined_length(others) - (len(JOIN) if others else 0)
    old = {term.key for f in base.fragments if f.slot == slot for term in f.terms}
    suggested = [entry.term for entry in vocabulary.suggestions.get(slot, ())]
    suited = [
        entry.term
        for entry in vocabulary.suggestions.get(slot, ())
        if entry.when in context.conditions
    ]
    pool: dict[str, Term] = {
        term.key: term for term in (*suited, *suggested, *vocabulary.by_slot.get(slot, ()))
    }
    for key, term in pool.items():
        if key in old or key in context.taken or context.clash((term,)):
            continue
        if len(term.text) > room or any(f" {word} " in f" {key} " for word in base.unwanted):
            continue
        reason = f"Another {slot.replace('_', ' ')} to compare with."
        fragment = Fragment(term.text, key, slot, "inferred", f"variant.{slot}", reason, (term,))
        yield in_order([*others, fragment])


def _finish(request: OptimizeRequest, vocabulary: Vocabulary, composition: Composition) -> Result:
    """Compute everything that follows from the fragments."""
    fragments = composition.fragments
    conditions = composition.conditions()
    dropped = composition.dropped
    negative, left_out = negative_words(composition.unwanted, fragments, conditions, vocabulary)
    slots = composition.by_slot()
    chunks, counts = chunk_slots(slots)
    negative_text = JOIN.join(negative)
    negative_chunks = chunk_text(negative_text)
    scene = Scene(
        request=request,
        vocabulary=vocabulary,
        prompt=composition.prompt,
        negative=negative,
        unwanted=composition.unwanted,
        slots=slots,
        chunks=chunks,
        negative_chunks=negative_chunks,
        conditions=conditions,
        flags=composition.flags,
    )
    platforms = build_all(scene)
    hints = hints_for(scene, fragments)
    return Result(
        prompt=scene.prompt,
        negative=negative_text,
        slots=slots,
        dropped=(*dropped, *left_out, *scene.dropped),
        platforms=platforms,
        tokens=tokens_as_dict(chunks, counts, negative_chunks),
        hints=tuple(hints),
        vocabulary_version=vocabulary.version,
    )
