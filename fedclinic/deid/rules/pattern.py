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
    needs: str = ""
    """What a line must hold; other lines are not tried."""
    opens: frozenset[str] = _NOTHING
    """The words, in small letters, with one of which every match begins."""
    digits: Sequence[int] = ()
    """How many digits the number may have with which every match begins."""
    holds: frozenset[str] = _NOTHING
    """The words, in small letters, of which every match holds one."""

    def find(self, text: str, openings: Openings) -> list[Span]:
        """Every match in a text whose words and numbers begin at `openings`."""
        if self.opens:
            return self._find_at(text, openings.of_words(self.opens))
        if self.digits:
            return self._find_at(text, openings.of_numbers(self.digits))
        if self.holds and self.holds.isdisjoint(openings.words):
            return []
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

    def _lines(self, text: str) -> Iterator[tuple[int, int]]:
        """Each line that holds what is needed."""
        at = text.find(self.needs)
        while at >= 0:
            first = text.rfind("\n", 0, at) + 1
            last = text.find("\n", at)
            last = len(text) if last < 0 else last
            yield first, last
            at = text.find(self.needs, last)


def rule(
    kind: str,
    score: float,
    pattern: str,
    *,
    needs: str = "",
    opens: str = "",
    digits: Sequence[int] = (),
    holds: str = "",
) -> PatternRule:
    """Compile a rule; `opens` and `holds` are words parted by spaces."""
    compiled = re.compile(pattern, re.MULTILINE)
    group = "value" if "value" in compiled.groupindex else 0
    return PatternRule(
        kind,
        score,
        compiled,
        group=group,
        needs=needs,
        opens=words(opens),
        digits=digits,
        holds=words(holds),
    )


def find_all(rules: Iterable[PatternRule], text: str, openings: Openings) -> list[Span]:
    """Every match of every rule."""
    return [span for each in rules for span in each.find(text, openings)]
