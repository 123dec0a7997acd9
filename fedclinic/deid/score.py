"""Score detected identifiers against gold: spans, tokens, characters, leaks and over-redaction."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fedclinic.deid.gold import CLASSES, GoldDocument, class_of
from fedclinic.notes import Span
from fedclinic.records import Count, Record

_TOKEN = re.compile(r"\w+")
ALL = "ALL"
"""Name of the row that sums over classes."""


class Tally(Record):
    """Hits, misses and false alarms of one class at one grain."""

    hits: Count
    misses: Count
    false_alarms: Count

    def recall(self) -> float | None:
        """None where there was nothing to find."""
        total = self.hits + self.misses
        return self.hits / total if total else None

    def precision(self) -> float | None:
        """None where nothing was found."""
        total = self.hits + self.false_alarms
        return self.hits / total if total else None

    def f1(self) -> float | None:
        """Harmonic mean of recall and precision."""
        recall, precision = self.recall(), self.precision()
        if recall is None or precision is None or recall + precision == 0:
            return None
        return 2 * recall * precision / (recall + precision)


class DeidentificationScore(Record):
    """How well identifiers were found in a set of documents; keys are classes and `ALL`."""

    documents: Count
    tokens: Count
    strict: dict[str, Tally]
    """Whole spans with the right class."""
    token: dict[str, Tally]
    """Tokens with the right class."""
    character: dict[str, Tally]
    """Letters and digits with the right class."""
    binary: dict[str, Tally]
    """Tokens found as any class; false alarms stand in the row `ALL` only."""
    leaked: dict[str, Count]
    """Gold spans of which a letter or digit was left."""
    entities_total: Count
    entities_survived: Count

    def over_redaction(self) -> float:
        """Tokens replaced without need in each 1,000 tokens."""
        return 1000 * self.binary[ALL].false_alarms / self.tokens if self.tokens else 0.0


@dataclass
class _Sums:
    """Counters that grow document by document."""

    hits: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    false_alarms: Counter[str] = field(default_factory=Counter)

    def add(self, gold: dict[int, str], found: dict[int, str], ignored: set[int]) -> None:
        """Compare two labellings of places; an ignored place is no false alarm."""
        for place, name in gold.items():
            self.count(self.hits if found.get(place) == name else self.misses, name)
        for place, name in found.items():
            if gold.get(place) != name and place not in ignored:
                self.count(self.false_alarms, name)

    @staticmethod
    def count(counter: Counter[str], name: str) -> None:
        counter[name] += 1
        counter[ALL] += 1

    def tallies(self) -> dict[str, Tally]:
        return {
            name: Tally(
                hits=self.hits[name], misses=self.misses[name], false_alarms=self.false_alarms[name]
            )
            for name in (*CLASSES, ALL)
            if self.hits[name] + self.misses[name] + self.false_alarms[name]
        }


def score(
    documents: Iterable[GoldDocument], detections: Iterable[Sequence[Span]]
) -> DeidentificationScore:
    """Score the detected spans (labels are entity kinds) of each document against its gold."""
    strict, token, character, binary = _Sums(), _Sums(), _Sums(), _Sums()
    leaked: Counter[str] = Counter()
    counted = tokens = total = survived = 0
    for document, found in zip(documents, detections, strict=True):
        counted += 1
        detected = [Span(each.start, each.end, class_of(each.label)) for each in found]
        places = [match.start() for match in _TOKEN.finditer(document.text)]
        tokens += len(places)
        letters = [at for at, each in enumerate(document.text) if each.isalnum()]
        _add_spans(strict, document, detected)
        covered = set(_labelled(letters, detected))
        for sums, grain in ((token, places), (character, letters)):
            ignored = set(_labelled(grain, document.ignored))
            sums.add(_labelled(grain, document.spans), _labelled(grain, detected), ignored)
        _add_binary(binary, document, detected, places)
        for span in document.spans:
            if any(
                document.text[at].isalnum() and at not in covered
                for at in range(span.start, span.end)
            ):
                _Sums.count(leaked, span.label)
        total += len(document.entities)
        survived += sum(not _overlaps(entity, detected) for entity in document.entities)
    binary.hits.setdefault(ALL, 0)
    return DeidentificationScore(
        documents=counted,
        tokens=tokens,
        strict=strict.tallies(),
        token=token.tallies(),
        character=character.tallies(),
        binary={
            ALL: Tally(hits=0, misses=0, false_alarms=0),
            **binary.tallies(),
        },
        leaked=dict(leaked),
        entities_total=total,
        entities_survived=survived,
    )


def _labelled(places: Sequence[int], spans: Iterable[Span]) -> dict[int, str]:
    """The label of each place that a span covers; `places` are sorted."""
    labels: dict[int, str] = {}
    known = set(places)
    for span in spans:
        for at in range(span.start, span.end):
            if at in known:
                labels[at] = span.label
    return labels


def _add_spans(sums: _Sums, document: GoldDocument, detected: Sequence[Span]) -> None:
    gold = Counter((span.start, span.end, span.label) for span in document.spans)
    found = Counter((span.start, span.end, span.label) for span in detected)
    for counter, part in (
        (sums.hits, gold & found),
        (sums.misses, gold - found),
        (sums.false_alarms, found - gold),
    ):
        for (start, end, label), times in part.items():
            ignored = counter is sums.false_alarms and _overlaps(
                Span(start, end, label), document.ignored
            )
            for _ in range(0 if ignored else times):
                _Sums.count(counter, label)


def _add_binary(
    sums: _Sums, document: GoldDocument, detected: Sequence[Span], places: Sequence[int]
) -> None:
    gold = _labelled(places, document.spans)
    found = set(_labelled(places, detected))
    ignored = set(_labelled(places, document.ignored))
    for place, label in gold.items():
        _Sums.count(sums.hits if place in found else sums.misses, label)
    sums.false_alarms[ALL] += len(found - set(gold) - ignored)


def _overlaps(span: Span, others: Iterable[Span]) -> bool:
    return any(span.start < other.end and other.start < span.end for other in others)
