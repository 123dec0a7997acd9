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
    """Characters one of which a text must hold, else the pattern is not tried at all."""

    def find(self, text: str) -> Iterator[Span]:
        if self.needs and not any(character in text for character in self.needs):
            return
        has_value = "value" in self.pattern.groupindex
        for match in self.pattern.finditer(text):
            start, end = match.span("value") if has_value else match.span()
            if end > start:
                yield Span(start, end, self.kind, self.score)


def rule(kind: str, score: float, pattern: str, *, needs: str = "") -> PatternRule:
    return PatternRule(kind, score, re.compile(pattern, re.MULTILINE), needs)


def find_all(rules: Iterable[PatternRule], text: str) -> list[Span]:
    return [span for each in rules for span in each.find(text)]
