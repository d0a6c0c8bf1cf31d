"""Length: what stays when a prompt would be too long.

Whole fragments go, from the extras upwards, so that the prompt ends between 800 and 850 characters
wherever the lengths allow it. Choosing again from what was chosen changes nothing: the choice is
the first of all fitting ones in one fixed order.
"""

from collections.abc import Callable

from .result import Fragment
from .slots import FULL, JOIN, KEEP_ORDER, LONGEST, SLOTS
from .text import is_boundary

_RANK = {slot: rank for rank, slot in enumerate(KEEP_ORDER)}
_PLACE = {slot: place for place, slot in enumerate(SLOTS)}
_GAP = len(JOIN)
_STATED_ROOM = 200  # characters kept for what else was stated, where a subject must be cut
_CLAUSE_ENDS = ".;:!?\u3002\uff0c\u3001\uff1b\uff1f\uff01\u060c\u2014"


def joined_length(fragments: list[Fragment]) -> int:
    """Return the length of the fragments joined by commas."""
    return sum(len(fragment.text) for fragment in fragments) + _GAP * max(len(fragments) - 1, 0)


def in_order(fragments: list[Fragment]) -> list[Fragment]:
    """Return fragments slot by slot; within a slot the order stays."""
    return sorted(fragments, key=lambda fragment: _PLACE[fragment.slot])


def choose(fragments: list[Fragment]) -> tuple[list[Fragment], list[Fragment]]:
    """Return which fragments stay and which go; the subject always stays."""
    if joined_length(fragments) <= LONGEST:
        return fragments, []
    ranked = sorted(fragments, key=lambda fragment: _RANK[fragment.slot])
    base = [fragment for fragment in ranked if fragment.slot == "subject"]
    rest = ranked[len(base) :]
    sizes = [len(fragment.text) + _GAP for fragment in rest]
    # A joined text has one comma fewer than fragments, so both limits grow by one gap.
    start = sum(len(fragment.text) + _GAP for fragment in base)
    picks = _pick(sizes, start, FULL + _GAP, LONGEST + _GAP)
    kept = base + [fragment for fragment, picked in zip(rest, picks, strict=True) if picked]
    gone = [fragment for fragment, picked in zip(rest, picks, strict=True) if not picked]
    return in_order(kept), gone


def _pick(sizes: list[int], start: int, low: int, high: int) -> list[bool]:
    """Pick sizes, earlier ones first, so that the sum ends in [low, high] if any choice does."""
    mask = (1 << (high + 1)) - 1
    reachable = [1]  # bit n: the sizes from here on can sum to n
    for size in reversed(sizes):
        reachable.append((reachable[-1] | reachable[-1] << size) & mask)
    reachable.reverse()
    band = _between(reachable[0], low - start, high - start)
    picks: list[bool] = []
    total = start
    for index, size in enumerate(sizes):
        fits = total + size <= high
        if fits and band:
            fits = _between(reachable[index + 1], low - total - size, high - total - size)
        picks.append(fits)
        total += size if fits else 0
    return picks


def _between(bits: int, low: int, high: int) -> bool:
    if high < 0:
        return False
    low = max(low, 0)
    return bool((bits >> low) & ((1 << (high - low + 1)) - 1))


def cut_subject(
    parts: list[Fragment], others: list[Fragment], read: Callable[[str], Fragment]
) -> tuple[list[Fragment], str]:
    """Shorten a subject longer than a prompt; return its parts and the text cut off.

    It is cut after the last clause, else the last word, else the last character that fits.
    `read` tells what a shortened part would be read as: it must still be subject.
    """
    if joined_length(parts) <= LONGEST:
        return parts, ""
    room = 0
    for fragment in sorted(others, key=lambda fragment: _RANK[fragment.slot]):
        if room + len(fragment.text) + _GAP <= _STATED_ROOM:
            room += len(fragment.text) + _GAP
    low, high = FULL - room, LONGEST - room
    kept: list[Fragment] = []
    length = 0
    for index, part in enumerate(parts):
        begin = length + (_GAP if kept else 0)
        if begin + len(part.text) <= high:
            kept.append(part)
            length = begin + len(part.text)
            continue
        rest = parts[index:]
        cut = _cut_part(part.text, low - begin, high - begin, read) if length < low else ""
        if cut:
            kept.append(read(cut))
            # The part keeps the rest of its words in the list of what was left out.
            tail = [part.text[len(cut) :].lstrip(" .;,"), *(other.text for other in rest[1:])]
            return kept, JOIN.join(text for text in tail if text)
        return kept, JOIN.join(other.text for other in rest)
    return kept, ""


def _cut_part(text: str, low: int, high: int, read: Callable[[str], Fragment]) -> str:
    """Return the best beginning of a text of `low` to `high` characters, or an empty text."""
    if high < 1:
        return ""
    places = range(min(high, len(text)), max(low, 1) - 1, -1)
    clauses = (at for at in places if _ends_clause(text, at))
    spaces = (at for at in places if text[at : at + 1] == " ")
    whole = (at for at in range(min(high, len(text)), 0, -1) if is_boundary(text, at))
    for choices in (clauses, spaces, whole):
        for at in choices:
            cut = text[:at].rstrip(" .;,")
            if cut:
                fragment = read(cut)
                if fragment.slot == "subject" and fragment.text == cut:
                    return cut
    return ""


def _ends_clause(text: str, at: int) -> bool:
    end = text[at - 1]
    return end in _CLAUSE_ENDS and (end > "\u2fff" or text[at : at + 1] in ("", " "))
