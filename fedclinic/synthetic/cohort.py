"""Generates a cohort of synthetic clinical notes: pure, seeded, one note at a time.

Every patient has a generator of their own, so a smaller cohort is the beginning of a larger one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from fedclinic.errors import ConfigError
from fedclinic.notes import KnownIdentifiers, Note, Span
from fedclinic.synthetic.appearance import change_case, wrap
from fedclinic.synthetic.bank import Bank, bank
from fedclinic.synthetic.compose import write_note
from fedclinic.synthetic.conditions import CONDITIONS, Condition
from fedclinic.synthetic.dates import near
from fedclinic.synthetic.kinds import NOTE_TYPES, SERVICES, Split, Stratum
from fedclinic.synthetic.people import Person, make_person
from fedclinic.synthetic.profile import DEIDENTIFICATION, TRAINING, Profile
from fedclinic.synthetic.scene import Scene
from fedclinic.synthetic.skew import service_shares
from fedclinic.synthetic.style import HouseStyle, make_style

__all__ = [
    "DEIDENTIFICATION",
    "TRAINING",
    "Profile",
    "SyntheticNote",
    "as_row",
    "generate_cohort",
]

NOTES_PER_PATIENT = (1, 2, 2, 3, 3, 3, 4, 4, 5, 6)
"""Each as likely; the mean is 3.3."""
SIDE_NOTES = 0.05
"""Share of a patient's notes that are about another of their problems, of another service."""


@dataclass(frozen=True)
class SyntheticNote:
    """A note with what is true of it."""

    note: Note
    phi: tuple[Span, ...]
    """Every identifier, in order; labels are those of `EntityKind`."""
    note_type: str
    hospital: str
    """The hospital as the caller named it."""
    known: KnownIdentifiers = field(repr=False)
    """What the hospital's roster holds of the patient."""
    stratum: Stratum


@dataclass(frozen=True)
class _Hospital:
    """What all notes of one hospital and split have in common."""

    name: str
    style: HouseStyle
    bank: Bank
    profile: Profile


@dataclass(frozen=True)
class _Patient:
    """A person, their main problem with a second of the same service, and problems of others."""

    person: Person = field(repr=False)
    own: tuple[Condition, Condition]
    others: tuple[Condition, ...]
    composed: float
    """Probability that a name near the patient is in no list of names."""


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

    Raises:
        ConfigError: if a number is out of range or a hospital is listed twice.
    """
    if seed < 0 or patients_per_hospital < 1 or alpha <= 0:
        raise ConfigError(
            f"a cohort needs a seed >= 0, at least one patient a hospital and alpha > 0, "
            f"not {seed}, {patients_per_hospital} and {alpha}"
        )
    if not hospitals or len(set(hospitals)) != len(hospitals):
        raise ConfigError("a cohort needs at least one hospital, each listed once")
    return _cohort(seed, tuple(hospitals), patients_per_hospital, alpha, split, profile)


def _cohort(
    seed: int,
    hospitals: tuple[str, ...],
    patients: int,
    alpha: float,
    split: Split,
    profile: Profile,
) -> Iterator[SyntheticNote]:
    shares = service_shares(seed, len(hospitals), alpha)
    if split == "test":
        shares[:] = shares.mean(axis=0)
    templates = bank(split)
    for name, mix in zip(hospitals, shares, strict=True):
        style = make_style(Random(f"{seed}/style/{name}"), templates)
        hospital = _Hospital(name, style, templates, profile)
        for index in range(patients):
            rng = Random(f"{seed}/{split}/{name}/{index}")
            service = rng.choices(SERVICES, weights=mix.tolist())[0]
            key = f"{name}-{split}-p{index:05d}"
            yield from _notes(rng, hospital, _patient(rng, key, service, profile))


def _patient(rng: Random, key: str, service: str, profile: Profile) -> _Patient:
    composed = 0.9 if rng.random() < profile.composed else 0.0
    person = make_person(rng, key, composed=composed)
    main, second = rng.sample(CONDITIONS[service], 2)
    elsewhere = [other for other in rng.sample(SERVICES, 3) if other != service]
    others = tuple(rng.choice(CONDITIONS[other]) for other in elsewhere)
    return _Patient(person, (main, second), others, composed)


def _notes(rng: Random, hospital: _Hospital, patient: _Patient) -> Iterator[SyntheticNote]:
    """Write the patient's notes, a few days or weeks apart."""
    known = patient.person.known()
    profile = hospital.profile
    day = patient.person.first_visit
    for number in range(rng.choice(NOTES_PER_PATIENT))[: profile.most_notes]:
        own, others = _subject(rng, patient)
        scene = Scene(
            rng=rng,
            person=patient.person,
            style=hospital.style,
            day=day,
            service=own[0].service,
            main=own[0],
            second=own[1],
            past=others,
            relative=rng.choice(patient.person.relatives),
            composed=patient.composed,
        )
        note_type = rng.choice(NOTE_TYPES)
        length, density = rng.randint(*profile.length), profile.identifier_density
        written = write_note(scene, hospital.bank, note_type, length=length, density=density)
        stratum = _stratum(rng, profile, composed=patient.composed > 0)
        text = change_case(written.text, stratum)
        if rng.random() < profile.wrapped:
            text = wrap(text, width=rng.randint(50, 80))
        key = patient.person.key
        note = Note(f"{key}-n{number}", key, text, (scene.service,), written.entities)
        yield SyntheticNote(note, written.phi, note_type, hospital.name, known, stratum)
        day = near(rng, day, days=(1, 40))


def _subject(
    rng: Random, patient: _Patient
) -> tuple[tuple[Condition, Condition], tuple[Condition, ...]]:
    """Decide what a note is about, nearly always the main problem, and what is the past then."""
    if rng.random() >= SIDE_NOTES:
        return patient.own, patient.others
    main = rng.choice(patient.others)
    second = rng.choice(CONDITIONS[main.service])
    past = (*(other for other in patient.others if other is not main), *patient.own)
    return (main, second), past


def _stratum(rng: Random, profile: Profile, *, composed: bool) -> Stratum:
    kind = rng.random()
    if kind < profile.upper:
        return "upper"
    if kind < profile.upper + profile.lower:
        return "lower"
    return "composed" if composed else "mixed"


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
