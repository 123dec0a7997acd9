from collections import Counter

import pytest

from fedclinic.synthetic.cohort import SyntheticNote, generate_cohort
from fedclinic.synthetic.kinds import ENTITY_KINDS, HIPAA_KINDS, NOTE_TYPES, SERVICES, Split


def make_cohort(
    *, seed: int = 3, patients: int = 30, split: Split = "train"
) -> list[SyntheticNote]:
    return list(
        generate_cohort(
            seed=seed,
            hospitals=("mercy", "county"),
            patients_per_hospital=patients,
            alpha=0.4,
            split=split,
        )
    )


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_identifier_kind_entity_kind_service_and_note_type_occurs(split: Split):
    cohort = make_cohort(patients=120, split=split)
    assert {span.label for made in cohort for span in made.phi} == set(HIPAA_KINDS)
    assert {span.label for made in cohort for span in made.note.entities} == set(ENTITY_KINDS)
    assert {made.note.labels[0] for made in cohort} == set(SERVICES)
    assert {made.note_type for made in cohort} == set(NOTE_TYPES)


def test_the_same_seed_gives_the_same_notes_and_another_seed_gives_others():
    assert make_cohort() == make_cohort()
    assert make_cohort(seed=4) != make_cohort()


def test_patients_have_several_notes_and_mostly_one_service():
    services: dict[str, Counter[str]] = {}
    for made in make_cohort(patients=100):
        services.setdefault(made.note.patient, Counter()).update(made.note.labels)
    notes = [sum(counts.values()) for counts in services.values()]
    assert set(notes) == {1, 2, 3, 4, 5, 6}
    main = sum(max(counts.values()) for counts in services.values())
    assert 0.9 < main / sum(notes) < 1
