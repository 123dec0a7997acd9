"""De-identify one note, or refuse it: the only door between a site's notes and training."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fedclinic.deid.dates import UNREADABLE, keep_year, shift_date, year_of
from fedclinic.deid.geography import coarsen_zips
from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.known import find_known, prepare
from fedclinic.deid.language import check_english
from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.offsets import OffsetMap, replace_spans
from fedclinic.deid.policy import Action, DeidentificationCounts, DeidentificationPolicy
from fedclinic.deid.reading import Reading, read
from fedclinic.deid.resolve import resolve, without_edges
from fedclinic.deid.surrogates import Surrogates
from fedclinic.errors import DeidentificationError
from fedclinic.notes import DeidentifiedNote, KnownIdentifiers, Note, Span

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_KINDS = frozenset(EntityKind)
_MIN_KEY_BYTES = 16
_LONG_NOTE = 10_000
_ZIP_OR_STATE = re.compile(r"(?:\b[A-Z]{2} )?\b\d{5}(?:-\d{4})?\b")


class Detector(Protocol):
    """Finds identifiers; whatever it raises puts the note into quarantine."""

    def detect(self, text: str, known: KnownIdentifiers | None) -> list[Span]:
        """Spans of `text` whose labels are `EntityKind`s, in any order, perhaps overlapping."""
        ...


@dataclass(frozen=True)
class Deidentification:
    """A de-identified note with the record of how it came to be; the record stays at the site."""

    note: DeidentifiedNote
    counts: DeidentificationCounts
    offsets: OffsetMap = field(repr=False)
    spans: tuple[Span, ...] = field(repr=False)
    """What was replaced, in offsets of the original text."""


@dataclass(frozen=True)
class Deidentifier:
    """A policy, a detector and the site's secret key, ready to de-identify notes one at a time."""

    policy: DeidentificationPolicy
    detector: Detector = field(repr=False)
    key: bytes = field(repr=False)
    cohort_values: frozenset[str] = field(repr=False, default=frozenset())
    """Lower-case names and numbers of the site's whole roster: no surrogate ever equals one."""

    def __post_init__(self) -> None:
        if len(self.key) < _MIN_KEY_BYTES:
            raise DeidentificationError(f"the surrogate key has fewer than {_MIN_KEY_BYTES} bytes")

    def deidentify(self, note: Note, known: KnownIdentifiers | None = None) -> DeidentifiedNote:
        """Replace every identifier of a note.

        Raises:
            DeidentificationError: if anything leaves doubt; the note belongs into quarantine.
        """
        return self.run(note, known).note

    def run(
        self, note: Note, known: KnownIdentifiers | None = None, *, released: bool = False
    ) -> Deidentification:
        """Replace every identifier of a note and say what was done.

        `released`: a person read the note and takes away the doubts about its language and about
        its share of identifiers; every other reason to refuse it stays.

        Raises:
            DeidentificationError: if anything leaves doubt; the note belongs into quarantine.
        """
        reading = self._read(note)
        if not released:
            check_english(reading.text)
        spans = self._find(reading, known)
        if not released:
            self._check_density(note.text, spans)
        writer = _Writer(self, note, spans)
        text, offsets = replace_spans(note.text, spans, [writer.write(span) for span in spans])
        if known is not None:
            _check_nothing_known_survives(text, known)
        entities = tuple(offsets.move(entity) for entity in note.entities)
        return Deidentification(
            note=DeidentifiedNote(
                note.note_id, note.patient, text, note.labels, entities, note.group
            ),
            counts=_count(note, spans, offsets),
            offsets=offsets,
            spans=tuple(spans),
        )

    def find(self, text: str) -> list[Span]:
        """What would be replaced in a text of no patient in particular.

        Raises:
            DeidentificationError: if the detector fails.
        """
        return self._find(read(text), None)

    def _read(self, note: Note) -> Reading:
        """The note as a reader sees it, if it can be trusted at all."""
        if len(note.text) > self.policy.max_characters:
            raise DeidentificationError(
                f"the note has {len(note.text)} characters, more than {self.policy.max_characters}"
            )
        if any(not 0 <= each.start < each.end <= len(note.text) for each in note.entities):
            raise DeidentificationError("an entity label leaves the note's text")
        reading = read(note.text)
        if not reading.text.strip():
            raise DeidentificationError("the note holds no text")
        return reading

    def _find(self, reading: Reading, known: KnownIdentifiers | None) -> list[Span]:
        """Run the detector on the readable text; whatever goes wrong inside it refuses the note."""
        try:
            found = self.detector.detect(reading.text, known)
        except DeidentificationError:
            raise
        except Exception as error:
            kind = type(error).__name__
            raise DeidentificationError(f"the detector failed with {kind}") from None
        for span in found:
            if span.label not in _KINDS:
                raise DeidentificationError(
                    "the detector named a kind that the policy does not know"
                )
            if not 0 <= span.start < span.end <= len(reading.text):
                raise DeidentificationError("the detector named a span outside the text")
        sure = [span for span in found if span.score >= self.policy.settings.threshold]
        spans = without_edges(reading.text, resolve(sure))
        return [reading.in_original(span) for span in spans]

    def _check_density(self, text: str, spans: Sequence[Span]) -> None:
        limits = self.policy.density
        replaced = sum(span.end - span.start for span in spans)
        if len(text) >= limits.from_characters and replaced > limits.max_replaced_share * len(text):
            raise DeidentificationError(
                "identifiers take a larger share of the note than the policy allows"
            )
        fewest = limits.min_identifiers_per_10000_characters * len(text) / _LONG_NOTE
        if len(text) >= _LONG_NOTE and len(spans) < fewest:
            raise DeidentificationError("the note holds fewer identifiers than the policy expects")


class _Writer:
    """Writes what stands in place of each span of one note."""

    def __init__(self, site: Deidentifier, note: Note, spans: Sequence[Span]) -> None:
        self._policy = site.policy
        self._text = note.text
        own = frozenset(
            word.lower()
            for span in spans
            for word in _WORD.findall(note.text[span.start : span.end])
        )
        self._surrogates = Surrogates(site.key, note.patient, own | site.cohort_values)
        years = [
            year
            for span in spans
            if span.label == EntityKind.DATE_TIME
            and (year := year_of(note.text[span.start : span.end])) is not None
        ]
        self._year = max(years, default=None)

    def write(self, span: Span) -> str:
        kind = EntityKind(span.label)
        value = self._text[span.start : span.end]
        if not value.isalnum():
            value = read(value).text
        match self._policy.actions[kind]:
            case Action.TAG:
                return f"[{kind}]"
            case Action.SHIFT:
                return self._shift(value)
            case Action.YEAR:
                newest = max(self._policy.reference_year, self._year or 0)
                return keep_year(value, not_before=newest - 90)
            case Action.GENERALIZE:
                return "90+" if kind is EntityKind.AGE else _coarse_place(value)
            case Action.SURROGATE:
                return self._surrogates.replace(kind, value)

    def _shift(self, value: str) -> str:
        rule = self._policy.date_shift
        if rule is None:
            return UNREADABLE
        days = self._surrogates.days(max_days=rule.max_days, whole_weeks=rule.whole_weeks)
        return shift_date(value, days=days, year=self._year)


def _coarse_place(value: str) -> str:
    """A state code with a coarse ZIP code where the place ends in them, else a tag."""
    match = _ZIP_OR_STATE.search(value)
    return f"[LOCATION] {coarsen_zips(match.group())}" if match else "[LOCATION]"


def _check_nothing_known_survives(text: str, known: KnownIdentifiers) -> None:
    survivors = find_known(read(text).text, prepare(known, lexicon()))
    if survivors:
        raise DeidentificationError(f"{len(survivors)} known values of the patient survived")


def _count(note: Note, spans: Sequence[Span], offsets: OffsetMap) -> DeidentificationCounts:
    replaced = Counter(EntityKind(span.label) for span in spans)
    return DeidentificationCounts(
        replaced=dict(sorted(replaced.items())),
        entities_total=len(note.entities),
        entities_survived=sum(not offsets.touches(entity) for entity in note.entities),
        characters=len(note.text),
        replaced_characters=sum(span.end - span.start for span in spans),
    )
