"""What a prompt already says: who may still come in, and who lost against whom."""

from collections.abc import Iterable

from .result import Dropped, Fragment
from .text import words
from .vocabulary import Term, Vocabulary


class Context:
    """The words, terms and conflict sides taken so far, in the order they were stated."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.taken: dict[str, str] = {}  # key of a term or fragment -> the text that stated it
        self.sides: dict[str, dict[int, str]] = {}  # conflict code -> side -> text
        self.conditions: set[str] = set()
        self.excused: set[str] = set()  # conflict sets that do not count here

    def excuse(self, fragments: Iterable[Fragment]) -> None:
        """Note the conflict sets that words such as "mixed media" switch off."""
        if unless := self.vocabulary.conflict_unless:
            stated = {term.key for fragment in fragments for term in fragment.terms}
            self.excused = {code for code, keys in unless.items() if keys & stated}

    def clash(self, terms: Iterable[Term]) -> Dropped | None:
        """Return the hard conflict of these terms with what is taken, or None."""
        sides = self.sides
        for term in terms:
            for code, side in term.hard:
                taken = sides.get(code)
                if taken and code not in self.excused:
                    for other, winner in taken.items():
                        if other != side:
                            return Dropped(term.text, code, winner)
        return None

    def clashes_within(self, terms: tuple[Term, ...]) -> str:
        """Return the code of a hard conflict among the terms themselves, or an empty text."""
        seen: dict[str, int] = {}
        for term in terms:
            for code, side in term.hard:
                if seen.setdefault(code, side) != side and code not in self.excused:
                    return code
        return ""

    def take(self, fragment: Fragment) -> None:
        """Note what a fragment says."""
        text = fragment.text
        self.taken.setdefault(fragment.key, text)
        for term in fragment.terms:
            self.taken.setdefault(term.key, text)
            self.conditions |= term.conditions
            for code, side in term.hard:
                self.sides.setdefault(code, {}).setdefault(side, text)

    def admit(self, fragment: Fragment) -> Dropped | None:
        """Take a fragment, or say why not."""
        if loss := self.refusal(fragment):
            return loss
        self.take(fragment)
        return None

    def refusal(self, fragment: Fragment) -> Dropped | None:
        """Return why a fragment cannot come in: it repeats something or clashes with it."""
        if (winner := self.taken.get(fragment.key)) is not None:
            return Dropped(fragment.text, "duplicate", winner)
        terms = fragment.terms
        if not terms:
            return None
        if len(terms) == 1 and terms[0].slot != "subject":
            winner = self.taken.get(terms[0].key)
            if winner is not None and _says_only(fragment, terms[0]):
                return Dropped(fragment.text, "duplicate", winner)
        if loss := self.clash(terms):
            return Dropped(fragment.text, loss.rule, loss.winner)
        if len(terms) > 1 and (code := self.clashes_within(terms)):
            return Dropped(fragment.text, code, fragment.text)
        return None


def _says_only(fragment: Fragment, term: Term) -> bool:
    """A fragment such as "golden hour light" says no more than its term does."""
    return len(words(fragment.text)) <= len(words(term.text)) + 2
