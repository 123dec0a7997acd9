"""Synthetic patients whose identifiers are planted among a site's notes, to see what is remembered.

They are drawn from a secret stream, so that nobody can prepare for them, and stand for identifiers
that de-identification missed: a made-up person with a label that says nothing of the text. They
join steps as any patient does, and as they depend on no real patient they cost no epsilon.
"""

from dataclasses import dataclass, field

from fedclinic.label_union import annotated
from fedclinic.notes import DeidentifiedNote, Span
from fedclinic.plan import Task
from fedclinic.privacy.random_stream import RandomStream

SYLLABLES = tuple(consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou")
DOCUMENT = "Patient {name}, record number {record}, telephone {phone}, was registered again."
TOKENS = "The chart of record {record} names {name} once more."
PROMPTS = (
    "{name} was reviewed today.",
    "The note mentions {name}.",
    "We discussed {name} at length.",
    "There was {name} on admission.",
    "History of {name} was given.",
    "No change in {name} since the last visit.",
    "{name} is recorded above.",
    "Follow up for {name} in two weeks.",
    "She asked about {name}.",
    "He denies {name}.",
    "Please see {name} below.",
    "The family reported {name}.",
    "{name} was present at discharge.",
    "Plan: continue {name}.",
    "Assessment: {name}, stable.",
    "The team noted {name} overnight.",
    "Referred because of {name}.",
    "Improved after {name}.",
    "{name} was ruled out.",
    "Repeat {name} in the morning.",
    "Signed off with {name}.",
    "Known to have {name}.",
)
"""Texts in which a planted name is tried; none of them was trained on."""


@dataclass(frozen=True)
class PlantedNote:
    """One synthetic patient's only note."""

    name: str = field(repr=False)
    record: str = field(repr=False)
    """The record number that stands in the note."""
    label: str
    """Empty where the model has no labels."""
    note: DeidentifiedNote = field(repr=False)


@dataclass(frozen=True)
class Planted:
    """A run's planted patients at a site, and others of their kind that it never trains on."""

    members: tuple[PlantedNote, ...]
    others: tuple[PlantedNote, ...]


def draw_planted(task: Task, stream: RandomStream, *, members: int, others: int) -> Planted:
    """Draw patients of one recipe; who is a member is chance alone, so nothing else tells them."""
    drawn = tuple(_draw(task, stream, number) for number in range(members + others))
    return Planted(drawn[:members], drawn[members:])


def _draw(task: Task, stream: RandomStream, number: int) -> PlantedNote:
    name = f"{_word(stream)} {_word(stream)}"
    digits = "".join(str(digit) for digit in stream.integers([10] * 17))
    record, phone = digits[:10], digits[10:]
    labels = annotated(task.labels, task.own_labels)
    label = labels[int(stream.integers([len(labels)])[0])] if labels else ""
    tokens = task.kind == "token_classification"
    text = (TOKENS if tokens else DOCUMENT).format(name=name, record=record, phone=phone)
    named = Span(text.index(name), text.index(name) + len(name), label)
    note = DeidentifiedNote(
        note_id=f"planted-{number}",
        patient=f"planted-{number}",
        text=text,
        labels=(label,) if label and not tokens else (),
        entities=(named,) if tokens else (),
    )
    return PlantedNote(name, record, label, note)


def _word(stream: RandomStream) -> str:
    picked = stream.integers([len(SYLLABLES)] * 4)
    return "".join(SYLLABLES[int(index)] for index in picked).capitalize()
