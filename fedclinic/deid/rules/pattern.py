"""A rule: a regular expression, the kind that it finds, how sure it is, and where it can begin."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fedclinic.deid.rules.openings import Openings
from fedclinic.deid.word_lists import words
from fedclinic.notes import Span

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PatternRule:
    """One pattern; where it has a group `value`, only that group is the identifier.

    What a match begins with or holds only saves time: where it is left empty, all text is tried.
    """

    kind: str
    score: float
    pattern: re.Pattern[str]
    group: str | int = 0
    needs: Sequence[str] = ()
    """Of which a line must hold one; other lines are not tried."""
    opens: frozenset[str] = _NOTHING
    """The words, in small letters, with one of which every match begins."""
    digits: Sequence[int] = ()
    """How many digits the number may have with which every match begins."""

    def find(self, text: str, openings: Openings) -> list[Span]:
        """Every match in a text whose words and numbers begin at `openings`."""
        if self.opens:
            return self._find_at(text, openings.of_words(self.opens))
        if self.digits:
            return self._find_at(text, openings.of_numbers(self.digits))
        if not self.needs:
            return self.find_within(text, 0, len(text))
        return [
            span
            for first, last in self._lines(text)
            for span in self.find_within(text, first, last)
        ]

    def find_within(self, text: str, first: int, last: int) -> list[Span]:
        """Matches in `text[first:last]`; what stands before it is seen, what follows is not."""
        places = [match.span(self.group) for match in self.pattern.finditer(text, first, last)]
        return [Span(start, end, self.kind, self.score) for start, end in places if start < end]

    def _find_at(self, text: str, places: Iterable[int]) -> list[Span]:
        """Matches that begin at `places`, none of them inside the one before."""
        match_at = self.pattern.match
        found, last = [], 0
        for place in places:
            match = match_at(text, place) if place >= last else None
            if match is None:
                continue
            last = match.end()
            start, end = match.span(self.group)
            if start < end:
                found.append(Span(start, end, self.kind, self.score))
        return found

    def _lines(self, text: str) -> list[tuple[int, int]]:
        """Each line that holds what is needed."""
        lines = [line for each in self.needs for line in _lines_with(text, each)]
        return lines if len(self.needs) == 1 else sorted(set(lines))


def _lines_with(text: str, piece: str) -> Iterator[tuple[int, int]]:
    at = text.find(piece)
    while at >= 0:
        last = text.find("\n", at)
        last = len(text) if last < 0 else last
        yield text.rfind("\n", 0, at) + 1, last
        at = text.find(piece, last)


def rule(
    kind: str,
    score: float,
    pattern: str,
    *,
    needs: str = "",
    opens: str = "",
    digits: Sequence[int] = (),
) -> PatternRule:
    """Compile a rule; what a line needs and the words that open a match are parted by spaces."""
    compiled = re.compile(pattern, re.MULTILINE)
    group = "value" if "value" in compiled.groupindex else 0
    return PatternRule(
        kind,
        score,
        compiled,
        group=group,
        needs=needs.split(),
        opens=words(opens),
        digits=digits,
    )


def find_all(rules: Iterable[PatternRule], text: str, openings: Openings) -> list[Span]:
    """Every match of every rule."""
    return [span for each in rules for span in each.find(text, openings)]
