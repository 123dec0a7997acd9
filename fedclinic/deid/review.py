"""Sheets for people who check de-identified notes: which ones, a table and a page to read."""

import csv
import html
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from fedclinic.deid.audit import ReviewCounts
from fedclinic.deid.kinds import EntityKind
from fedclinic.errors import DataError
from fedclinic.notes import Span

_COLOURS = {
    EntityKind.PERSON: "#ffd9d9",
    EntityKind.DATE_TIME: "#d9ecff",
    EntityKind.AGE: "#d9ecff",
    EntityKind.LOCATION: "#dcf5d9",
    EntityKind.ORGANIZATION: "#dcf5d9",
}
_OTHER_COLOUR = "#f3e2ff"
CLASSES = {
    "names": EntityKind.PERSON,
    "dates": EntityKind.DATE_TIME,
    "places": EntityKind.LOCATION,
    "institutions": EntityKind.ORGANIZATION,
    "numbers": EntityKind.OTHER_ID,
}
"""What reviewers count apart, and the kind that stands for it in the audit."""

_OTHER = "numbers"
_CLASS_OF: dict[str, str] = {
    **{kind: name for name, kind in CLASSES.items()},
    EntityKind.AGE: "dates",
}
_COUNTED = (
    "words",
    *(f"replaced_{name}" for name in CLASSES),
    *(f"left_{name}" for name in CLASSES),
    "words_replaced_in_error",
)
_WHAT = ("replaced", "left")
_COLUMNS = ("note", "reviewer", *_COUNTED, "remark")
_WORD = re.compile(r"\w+")
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "article{border:1px solid #bbb;border-radius:6px;padding:1rem;margin:1rem 0;"
    "white-space:pre-wrap}"
    "h2{font-size:1rem;margin:0 0 .5rem}mark{padding:0 .15em;border-radius:3px}"
    "small{color:#555}"
)


@dataclass(frozen=True)
class ReviewNote:
    """A de-identified note and where replacements stand in it; offsets of the new text."""

    note_id: str
    text: str = field(repr=False)
    replaced: tuple[Span, ...] = ()
    disagreements: int = 0
    """Places that one detector found and another did not: such notes are drawn more often."""


def draw_for_review(
    notes: Sequence[ReviewNote], *, count: int, disagreement_weight: float, rng: Random
) -> list[ReviewNote]:
    """Draw notes without repetition; each disagreement makes a note likelier by the weight.

    Source: Efraimidis and Spirakis 2006, weighted reservoir sampling by keys `u ** (1 / weight)`.
    """
    keyed = [
        (rng.random() ** (1 / (1 + disagreement_weight * note.disagreements)), index)
        for index, note in enumerate(notes)
    ]
    return [notes[index] for _, index in sorted(keyed, reverse=True)[:count]]


def review_table(notes: Sequence[ReviewNote], reviewers: Sequence[str]) -> str:
    """A CSV table with a row a note and reviewer: every note is read by all of them alone.

    People fill in how many identifiers of each class were left, how many words were replaced in
    error, and a remark; `read_sheets` reads that back.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS)
    writer.writeheader()
    for reviewer in reviewers:
        for note in notes:
            replaced = Counter(_CLASS_OF.get(each.label, _OTHER) for each in note.replaced)
            writer.writerow(
                {
                    "note": note.note_id,
                    "reviewer": reviewer,
                    "words": len(_WORD.findall(note.text)),
                    **{f"replaced_{name}": replaced[name] for name in CLASSES},
                }
            )
    return out.getvalue()


@dataclass(frozen=True)
class Findings:
    """What people found in the notes that all their reviewers finished."""

    reviews: dict[EntityKind, ReviewCounts]
    words: int
    replaced_in_error: int

    def over_redaction(self) -> float | None:
        """Words replaced without need in each 1,000; None where nothing was read."""
        return 1000 * self.replaced_in_error / self.words if self.words else None


def read_sheets(sheets: Iterable[str]) -> Findings:
    """Read filled-in sheets; a row with an empty count was not read yet and is passed over.

    Where reviewers of a note disagree, the larger count stands: what one of them saw was there.

    Raises:
        DataError: naming the row, if a sheet is none or a count is no number.
    """
    found: dict[str, dict[str, int]] = {}
    for sheet in sheets:
        reader = csv.DictReader(io.StringIO(sheet))
        if not set(_COLUMNS) <= set(reader.fieldnames or ()):
            raise DataError("a review sheet lacks columns: use the one that deid audit wrote")
        for number, row in enumerate(reader, 2):
            counts = {name: (row[name] or "").strip() for name in _COUNTED}
            if not all(counts.values()):
                continue
            if not all(value.isdecimal() for value in counts.values()):
                raise DataError(f"row {number} of a review sheet has a count that is no number")
            known = found.setdefault(row["note"], {})
            for name, value in counts.items():
                known[name] = max(known.get(name, 0), int(value))
    return Findings(
        reviews={
            kind: ReviewCounts(
                found_by_detector=sum(note[f"replaced_{name}"] for note in found.values()),
                left_in_text=sum(note[f"left_{name}"] for note in found.values()),
            )
            for name, kind in CLASSES.items()
            if any(note[f"{what}_{name}"] for note in found.values() for what in _WHAT)
        },
        words=sum(note["words"] for note in found.values()),
        replaced_in_error=sum(note["words_replaced_in_error"] for note in found.values()),
    )


def review_page(notes: Sequence[ReviewNote], *, title: str) -> str:
    """An HTML page that shows each de-identified note with its replacements in colour.

    It holds no script and loads nothing.
    """
    articles = "".join(
        f"<article><h2>{html.escape(note.note_id)} "
        f"<small>{len(note.replaced)} replaced, {note.disagreements} disputed</small></h2>"
        f"{_marked(note)}</article>"
        for note in notes
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}'
        f"</title><style>{_STYLE}</style></head><body><h1>{html.escape(title)}</h1>"
        "<p>Coloured words stand in place of identifiers. Mark every name, date, number or place "
        f"that is not coloured and could tell who the patient is.</p>{articles}</body></html>"
    )


def _marked(note: ReviewNote) -> str:
    parts: list[str] = []
    position = 0
    for span in sorted(note.replaced, key=lambda each: each.start):
        colour = _COLOURS.get(EntityKind(span.label), _OTHER_COLOUR)
        parts.append(html.escape(note.text[position : span.start]))
        parts.append(
            f'<mark style="background:{colour}" title="{html.escape(span.label)}">'
            f"{html.escape(note.text[span.start : span.end])}</mark>"
        )
        position = span.end
    return "".join([*parts, html.escape(note.text[position:])])
