"""Canaries: known values in the places of real ones, to measure recall without anybody's labels.

A shadow run puts them where a detector found identifiers; nothing of it is kept but the counts.
Places that no detector finds get no canary, so this recall is of names, not of places.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.offsets import replace_spans
from fedclinic.deid.reserved_names import reserved_names
from fedclinic.deid.word_lists import NAMES_THAT_ARE_WORDS
from fedclinic.notes import Span
from fedclinic.records import Count, Record

_COMMON_RANK = 1000
_RARE_RANK = 50_000
_HEADER_LINE = 60
_SHARE = 0.5


class CanaryKind(StrEnum):
    """What kind of value is planted, from easy to hard."""

    COMMON_NAME = "common name"
    RARE_NAME = "rare name"
    UNLISTED_NAME = "name in no dictionary"
    WORD_NAME = "name that is a word"
    CAPITALS_NAME = "name in capitals"
    NUMBER = "record number"
    DATE = "date"


class CanaryCounts(Record):
    """How many canaries of one kind and place were planted and found."""

    kind: CanaryKind
    in_header: bool
    planted: Count
    found: Count


@dataclass(frozen=True)
class CanaryNote:
    """A text with canaries; `spans` are theirs, labelled with their canary kind."""

    text: str = field(repr=False)
    spans: tuple[Span, ...]


_SLOTS: Mapping[CanaryKind, frozenset[str]] = {
    **{kind: frozenset({EntityKind.PERSON}) for kind in CanaryKind},
    CanaryKind.NUMBER: frozenset(
        {EntityKind.MEDICAL_RECORD, EntityKind.ACCOUNT, EntityKind.OTHER_ID}
    ),
    CanaryKind.DATE: frozenset({EntityKind.DATE_TIME}),
}


class CanaryMaker:
    """Draws canary values."""

    def __init__(self, lexicon: Lexicon, rng: Random) -> None:
        self._rng = rng
        by_rank = sorted(lexicon.family_rank, key=lexicon.family_rank.__getitem__)
        given = sorted(lexicon.given - lexicon.ordinary)
        self._given = [name for name in by_rank[:_RARE_RANK] if name in lexicon.given] or given
        self._common = by_rank[:_COMMON_RANK]
        self._rare = [name for name in by_rank[_RARE_RANK:] if name not in lexicon.ordinary]
        self._words = sorted(NAMES_THAT_ARE_WORDS)

    def make(self, kind: CanaryKind) -> str:
        """A value of this kind."""
        makers: Mapping[CanaryKind, Callable[[], str]] = {
            CanaryKind.COMMON_NAME: lambda: self._name(self._given, self._common),
            CanaryKind.RARE_NAME: lambda: self._name(self._rare, self._rare),
            CanaryKind.UNLISTED_NAME: lambda: self._name(reserved_names(), reserved_names()),
            CanaryKind.WORD_NAME: lambda: self._name(self._words, self._words),
            CanaryKind.CAPITALS_NAME: lambda: self._name(self._given, self._common).upper(),
            CanaryKind.NUMBER: lambda: str(self._rng.randrange(10**6, 10**8)),
            CanaryKind.DATE: self._date,
        }
        return makers[kind]()

    def _name(self, first: Sequence[str], last: Sequence[str]) -> str:
        return f"{self._rng.choice(first).capitalize()} {self._rng.choice(last).capitalize()}"

    def _date(self) -> str:
        month, day = self._rng.randint(1, 12), self._rng.randint(1, 28)
        return f"{month:02d}/{day:02d}/{self._rng.randint(1950, 2025)}"


def plant(
    text: str,
    slots: Sequence[Span],
    kind: CanaryKind,
    maker: CanaryMaker,
    *,
    share: float,
    rng: Random,
) -> CanaryNote:
    """Put canaries in a share of the places that fit their kind; `slots` do not overlap.

    The same name stands in all the places of a note that it takes, as a real one would.
    """
    fitting = [slot for slot in slots if slot.label in _SLOTS[kind] and rng.random() < share]
    value = maker.make(kind)
    planted, offsets = replace_spans(text, fitting, [value] * len(fitting))
    moved = (offsets.move(slot) for slot in fitting)
    return CanaryNote(planted, tuple(Span(each.start, each.end, kind) for each in moved))


def count_found(
    notes: Iterable[CanaryNote], find: Callable[[str], Sequence[Span]]
) -> tuple[CanaryCounts, ...]:
    """Run a detector over canary notes and count the canaries that it covers whole."""
    planted: Counter[tuple[CanaryKind, bool]] = Counter()
    found: Counter[tuple[CanaryKind, bool]] = Counter()
    for note in notes:
        if not note.spans:
            continue
        detected = find(note.text)
        for span in note.spans:
            key = CanaryKind(span.label), is_header(note.text, span.start)
            planted[key] += 1
            found[key] += _is_covered(note.text, span, detected)
    return tuple(
        CanaryCounts(kind=kind, in_header=header, planted=count, found=found[kind, header])
        for (kind, header), count in sorted(planted.items())
    )


def shadow_run(
    text: str, find: Callable[[str], Sequence[Span]], maker: CanaryMaker, rng: Random
) -> tuple[CanaryCounts, ...]:
    """Plant canaries of each kind in half of a note's fitting places, look for them, and count."""
    slots = find(text)
    notes = (plant(text, slots, kind, maker, share=_SHARE, rng=rng) for kind in CanaryKind)
    return count_found(notes, find)


def merge(counts: Iterable[CanaryCounts]) -> tuple[CanaryCounts, ...]:
    """Add up the counts of many notes."""
    planted: Counter[tuple[CanaryKind, bool]] = Counter()
    found: Counter[tuple[CanaryKind, bool]] = Counter()
    for each in counts:
        planted[each.kind, each.in_header] += each.planted
        found[each.kind, each.in_header] += each.found
    return tuple(
        CanaryCounts(kind=kind, in_header=header, planted=count, found=found[kind, header])
        for (kind, header), count in sorted(planted.items())
    )


def by_kind(counts: Iterable[CanaryCounts]) -> dict[CanaryKind, tuple[int, int]]:
    """Found and planted of each kind, headers and sentences together."""
    sums: dict[CanaryKind, tuple[int, int]] = {}
    for each in counts:
        found, planted = sums.get(each.kind, (0, 0))
        sums[each.kind] = found + each.found, planted + each.planted
    return sums


def is_header(text: str, position: int) -> bool:
    """Tell whether a position is in a short line with a colon, bar or tab: a field, no sentence."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line = text[start : len(text) if end < 0 else end]
    return len(line) <= _HEADER_LINE and any(mark in line for mark in ":|\t")


def _is_covered(text: str, span: Span, detected: Iterable[Span]) -> bool:
    missing = {at for at in range(span.start, span.end) if text[at].isalnum()}
    for each in detected:
        missing -= set(range(each.start, each.end))
    return not missing
