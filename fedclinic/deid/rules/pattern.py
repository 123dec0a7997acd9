"""A rule: a regular expression, the kind that it finds and how sure it is."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fedclinic.notes import Span


@dataclass(frozen=True)
class PatternRule:
    """One pattern; where it has a group `value`, only that group is the identifier."""

    kind: str
    score: float
    pattern: re.Pattern[str]
    needs: str = ""
    """What a line must hold; other lines are not tried. Empty: every line is."""

    def find(self, text: str) -> Iterator[Span]:
        for first, last in self._stretches(text):
            yield from self.find_within(text, first, last)

    def find_within(self, text: str, first: int, last: int) -> Iterator[Span]:
        """Matches in `text[first:last]`; what stands before it is seen, what follows is not."""
        has_value = "value" in self.pattern.groupindex
        for match in self.pattern.finditer(text, first, last):
            start, end = match.span("value") if has_value else match.span()
            if end > start:
                yield Span(start, end, self.kind, self.score)

    def _stretches(self, text: str) -> Iterator[tuple[int, int]]:
        """The whole text, or each line that holds the needed character."""
        if not self.needs:
            yield 0, len(text)
            return
        at = text.find(self.needs)
        while at >= 0:
            first = text.rfind("\n", 0, at) + 1
            last = text.find("\n", at)
            last = len(text) if last < 0 else last
            yield first, last
            at = text.find(self.needs, last)


def rule(kind: str, score: float, pattern: str, *, needs: str = "") -> PatternRule:
    return PatternRule(kind, score, re.compile(pattern, re.MULTILINE), needs)


def find_all(rules: Iterable[PatternRule], text: str) -> list[Span]:
    return [span for each in rules for span in each.find(text)]
