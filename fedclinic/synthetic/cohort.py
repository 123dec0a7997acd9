"""Generates a cohort of synthetic clinical notes: pure, seeded, one note at a time.

Every patient has a generator of their own, so a smaller cohort is the beginning of a larger one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

import numpy as np

from fedclinic.notes import KnownIdentifiers, Note, Span
from fedclinic.synthetic.bank import bank
from fedclinic.synthetic.compose import Written, write_note
from fedclinic.synthetic.conditions import CONDITIONS, Condition
from fedclinic.synthetic.dates import near
from fedclinic.synthetic.kinds import NOTE_TYPES, SERVICES, Split, Stratum
from fedclinic.synthetic.people import Person, make_person
from fedclinic.synthetic.scene import Scene
from fedclinic.synthetic.style import HouseStyle, make_style

NOTES_PER_PATIENT = (1, 2, 2, 3, 3, 3, 4, 4, 5, 6)
"""Each as likely; the mean is 3.3."""
SIDE_NOTES = 0.05
"""Share of a patient's notes that are about another of their problems, of another service."""


@dataclass(frozen=True)
class Profile:
    """How long, how dense in identifiers and how hard to de-identify the notes are."""

    length: tuple[int, int]
    """Shortest and longest aim, in characters; a note may be a sentence longer."""
    identifier_density: float
    """Probability that a sentence is about people, places, numbers and dates."""
    upper: float
    """Share of notes without lower-case letters."""
    lower: float
    """Share of notes without capitals."""
    composed: float
    """Share of patients whose names, and the names around them, are in no list of names."""


TRAINING = Profile(
    length=(400, 1000), identifier_density=0.15, upper=0.02, lower=0.02, composed=0.1
)
"""Short notes for the demonstration."""
DEIDENTIFICATION = Profile(
    length=(1500, 4000), identifier_density=0.45, upper=0.15, lower=0.15, composed=0.3
)
"""Long notes full of identifiers, to measure de-identification with."""


@dataclass(frozen=True)
class SyntheticNote:
    """A note with what is true of it."""

    note: Note
    phi: tuple[Span, ...]
    """Every identifier, in order; labels are those of `kinds.HIPAA_KINDS`."""
    note_type: str
    hospital: str
    """The hospital's name as the caller gave it."""
    known: KnownIdentifiers = field(repr=False)
    """What the hospital's roster holds of the patient."""
    stratum: Stratum


def service_shares(
    seed: int, hospitals: int, alpha: float
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Draw each hospital's mix of services, shape `(hospitals, services)`, rows summing to 1.

    Every service is as common as any other over all hospitals together; a small `alpha` makes the
    hospitals unlike. Source: Dirichlet skew as in Hsu et al. 2019, balanced by Sinkhorn's method.
    """
    rng = np.random.default_rng([seed, hospitals])
    shares = rng.dirichlet([alpha] * len(SERVICES), size=hospitals) + 1e-4
    for _ in range(200):
        shares *= hospitals / len(SERVICES) / shares.sum(axis=0)
        shares /= shares.sum(axis=1, keepdims=True)
    return shares


def generate_cohort(
    *,
    seed: int,
    hospitals: Sequence[str],
    patients_per_hospital: int,
    alpha: float,
    split: Split,
    profile: Profile = TRAINING,
) -> Iterator[SyntheticNote]:
    """Iterate over the notes of a cohort, hospital by hospital and patient by patient.

    `split="test"` draws other patients, other templates, and for every hospital the mix of
    services of all hospitals together. `alpha` is the Dirichlet concentration of the services over
    hospitals: the smaller, the more the hospitals differ.
    """
    shares = service_shares(seed, len(hospitals), alpha)
    if split == "test":
        shares[:] = shares.mean(axis=0)
    for hospital, mix in zip(hospitals, shares, strict=True):
        style = make_style(Random(f"{seed}/style/{hospital}"), bank(split))
        for index in range(patients_per_hospital):
            rng = Random(f"{seed}/{split}/{hospital}/{index}")
            key = f"{hospital}-{split}-p{index:05d}"
            service = rng.choices(SERVICES, weights=mix.tolist())[0]
            yield from _patient_notes(rng, key, hospital, service, (style, split, profile))


def _patient_notes(
    rng: Random, key: str, hospital: str, service: str, setting: tuple[HouseStyle, Split, Profile]
) -> Iterator[SyntheticNote]:
    style, split, profile = setting
    composed = 0.9 if rng.random() < profile.composed else 0.0
    person = make_person(rng, key, composed=composed)
    known = person.known()
    own = rng.sample(CONDITIONS[service], 2)
    others = [rng.choice(CONDITIONS[s]) for s in rng.sample(SERVICES, 3) if s != service]
    day = person.first_visit
    for number in range(rng.choice(NOTES_PER_PATIENT)):
        scene = _scene(rng, person, style, own, others)
        scene = replace(scene, day=day, composed=composed)
        note_type = rng.choice(NOTE_TYPES)
        written = write_note(
            scene,
            bank(split),
            note_type,
            length=rng.randint(*profile.length),
            identifier_density=profile.identifier_density,
        )
        stratum = _stratum(rng, profile, composed=composed > 0)
        note = _note(f"{key}-n{number}", person, written, scene.service, stratum)
        yield SyntheticNote(note, written.phi, note_type, hospital, known, stratum)
        day = near(rng, day, days=(1, 40))


def _scene(
    rng: Random, person: Person, style: HouseStyle, own: list[Condition], others: list[Condition]
) -> Scene:
    """Decide what a note is about: nearly always the patient's main problem."""
    main, second, past = own[0], own[1], others
    if rng.random() < SIDE_NOTES:
        main = rng.choice(others)
        second = rng.choice(CONDITIONS[main.service])
        past = [*(other for other in others if other.service != main.service), *own]
    return Scene(
        rng=rng,
        person=person,
        style=style,
        day=person.first_visit,
        service=main.service,
        main=main,
        second=second,
        past=tuple(past),
        relative=rng.choice(person.relatives),
        composed=0.0,
    )


def _stratum(rng: Random, profile: Profile, *, composed: bool) -> Stratum:
    kind = rng.random()
    if kind < profile.upper:
        return "upper"
    if kind < profile.upper + profile.lower:
        return "lower"
    return "composed" if composed else "mixed"


def _note(note_id: str, person: Person, written: Written, service: str, stratum: Stratum) -> Note:
    text = written.text
    if stratum == "upper":
        text = text.upper()
    elif stratum == "lower":
        text = text.lower()
    return Note(note_id, person.key, text, (service,), written.entities)


def as_row(synthetic: SyntheticNote) -> dict[str, object]:
    """Give a note as plain values, one line of JSONL."""
    note = synthetic.note
    return {
        "id": note.note_id,
        "patient_id": note.patient,
        "hospital": synthetic.hospital,
        "note_type": synthetic.note_type,
        "text": note.text,
        "label": note.labels[0],
        "entities": [_span_row(span) for span in note.entities],
        "phi": [_span_row(span) for span in synthetic.phi],
        "stratum": synthetic.stratum,
    }


def _span_row(span: Span) -> dict[str, object]:
    return {"start": span.start, "end": span.end, "label": span.label}
