"""Sheets for people who check de-identified notes: which ones, a table and a page to read."""

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from fedclinic.deid.kinds import EntityKind
from fedclinic.notes import Span

_COLOURS = {
    EntityKind.PERSON: "#ffd9d9",
    EntityKind.DATE_TIME: "#d9ecff",
    EntityKind.AGE: "#d9ecff",
    EntityKind.LOCATION: "#dcf5d9",
    EntityKind.ORGANIZATION: "#dcf5d9",
}
_OTHER_COLOUR = "#f3e2ff"
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
    """A CSV table with a row a note and reviewer: every note is read by all of them alone."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        [
            "note_id",
            "reviewer",
            "identifiers_replaced",
            "identifiers_left",
            "replaced_in_error",
            "remark",
        ]
    )
    for reviewer in reviewers:
        for note in notes:
            writer.writerow([note.note_id, reviewer, len(note.replaced), "", "", ""])
    return out.getvalue()


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
    parts, position = [], 0
    for span in sorted(note.replaced, key=lambda each: each.start):
        colour = _COLOURS.get(EntityKind(span.label), _OTHER_COLOUR)
        parts.append(html.escape(note.text[position : span.start]))
        parts.append(
            f'<mark style="background:{colour}" title="{html.escape(span.label)}">'
            f"{html.escape(note.text[span.start : span.end])}</mark>"
        )
        position = span.end
    return "".join([*parts, html.escape(note.text[position:])])
