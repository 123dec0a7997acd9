import json
import math
import re
from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedclinic.deid.kinds import EntityKind
from fedclinic.errors import ConfigError
from fedclinic.notes import Span
from fedclinic.synthetic.cohort import SyntheticNote, as_row, generate_cohort
from fedclinic.synthetic.kinds import ENTITY_KINDS, NOTE_TYPES, SERVICES, Split
from fedclinic.synthetic.lexicon import lexicon
from fedclinic.synthetic.profile import DEIDENTIFICATION, TRAINING, Profile
from fedclinic.synthetic.skew import service_shares

HOSPITALS = ("mercy", "county")
SPLITS = st.sampled_from(["train", "test"])
PROFILES = st.sampled_from([TRAINING, DEIDENTIFICATION])
SEEDS = st.integers(0, 10_000)

WRITTEN = {
    "PERSON": r"[^\d@]*[^\W\d_][^\d@]*",
    "DATE_TIME": r".*(\d|day|Thanksgiving|Christmas|Easter|Eve|[A-Z][a-z]{2}).*",
    "AGE": r"9\d|1\d\d",
    "EMAIL_ADDRESS": r"\S+@\S+\.\w+",
    "US_SSN": r"\d{3}[- ]?\d{2}[- ]?\d{4}",
    "URL": r"(https?://|www\.)\S+",
    "IP_ADDRESS": r"\d{1,3}(\.\d{1,3}){3}",
}
"""How an identifier of a kind must look, whatever its case; the kinds left out hold a digit."""


def make_cohort(
    *, seed: int = 3, patients: int = 30, split: Split = "train", profile: Profile = TRAINING
) -> list[SyntheticNote]:
    return list(
        generate_cohort(
            seed=seed,
            hospitals=HOSPITALS,
            patients_per_hospital=patients,
            alpha=0.4,
            split=split,
            profile=profile,
        )
    )


def first_notes(seed: int, split: Split, profile: Profile) -> list[SyntheticNote]:
    return make_cohort(seed=seed, patients=2, split=split, profile=profile)


def outside(text: str, spans: tuple[Span, ...]) -> str:
    """Blank out the spans."""
    characters = list(text)
    for span in spans:
        characters[span.start : span.end] = " " * (span.end - span.start)
    return "".join(characters)


def looks_right(label: str, text: str) -> bool:
    pattern = WRITTEN.get(label)
    if pattern is None:
        return label in ("LOCATION", "ORGANIZATION") or any(c.isdigit() for c in text)
    return re.fullmatch(pattern, text, flags=re.IGNORECASE | re.DOTALL) is not None


@given(SEEDS, SPLITS, PROFILES)
@settings(max_examples=40, deadline=None)
def test_spans_lie_in_order_within_the_text_and_begin_and_end_with_ink(
    seed: int, split: Split, profile: Profile
):
    for made in first_notes(seed, split, profile):
        text = made.note.text
        both = sorted((*made.phi, *made.note.entities), key=lambda span: span.start)
        assert all(one.end <= two.start for one, two in pairwise(both))
        assert both[0].start >= 0 and both[-1].end <= len(text)
        for span in both:
            inside = text[span.start : span.end]
            assert inside and inside == inside.strip()


@given(SEEDS, SPLITS, PROFILES)
@settings(max_examples=40, deadline=None)
def test_every_identifier_looks_like_its_kind(seed: int, split: Split, profile: Profile):
    for made in first_notes(seed, split, profile):
        for span in made.phi:
            text = made.note.text[span.start : span.end].replace("\n", " ")
            assert looks_right(span.label, text), (span.label, text)


@given(SEEDS, SPLITS, PROFILES)
@settings(max_examples=40, deadline=None)
def test_nothing_that_the_roster_knows_stands_outside_a_gold_span(
    seed: int, split: Split, profile: Profile
):
    for made in first_notes(seed, split, profile):
        rest = outside(made.note.text, made.phi).replace("\n", " ").lower()
        assert not [kind for kind, value in made.known.values if value.lower() in rest]


@given(SEEDS, SPLITS, PROFILES)
@settings(max_examples=40, deadline=None)
def test_text_outside_the_gold_spans_holds_no_long_number_address_or_date(
    seed: int, split: Split, profile: Profile
):
    for made in first_notes(seed, split, profile):
        rest = outside(made.note.text, made.phi)
        assert not re.search(r"\d{5}|\d-\d{4}|@|https?:|www\.|\d/\d+/\d|\d{4}-\d\d-\d\d", rest)


@given(SEEDS, SPLITS)
@settings(max_examples=20, deadline=None)
def test_a_smaller_cohort_is_the_beginning_of_a_larger_one_at_each_hospital(
    seed: int, split: Split
):
    small, large = (make_cohort(seed=seed, patients=n, split=split) for n in (2, 3))
    for hospital in HOSPITALS:
        ours = [made for made in small if made.hospital == hospital]
        theirs = [made for made in large if made.hospital == hospital]
        assert ours == theirs[: len(ours)] and len(theirs) > len(ours)


def test_the_same_seed_gives_the_same_notes_and_another_seed_gives_others():
    assert make_cohort() == make_cohort()
    assert {m.note.text for m in make_cohort(seed=4)}.isdisjoint(m.note.text for m in make_cohort())


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_identifier_kind_entity_kind_service_and_note_type_occurs(split: Split):
    cohort = make_cohort(patients=150, split=split)
    assert {span.label for made in cohort for span in made.phi} == set(EntityKind)
    assert {span.label for made in cohort for span in made.note.entities} == set(ENTITY_KINDS)
    assert {made.note.labels[0] for made in cohort} == set(SERVICES)
    assert {made.note_type for made in cohort} == set(NOTE_TYPES)


def test_every_note_has_an_id_of_its_own_and_the_splits_share_no_patient():
    train, test = (make_cohort(patients=50, split=split) for split in ("train", "test"))
    ids = [made.note.note_id for made in (*train, *test)]
    assert len(set(ids)) == len(ids)
    assert {m.note.patient for m in train}.isdisjoint(m.note.patient for m in test)
    assert {m.known.values for m in train}.isdisjoint(m.known.values for m in test)


def test_patients_have_several_notes_and_mostly_one_service():
    services: dict[str, Counter[str]] = {}
    for made in make_cohort(patients=100):
        services.setdefault(made.note.patient, Counter()).update(made.note.labels)
    notes = [sum(counts.values()) for counts in services.values()]
    assert set(notes) == {1, 2, 3, 4, 5, 6}
    main = sum(max(counts.values()) for counts in services.values())
    assert 0.9 < main / sum(notes) < 1


def test_a_cohort_of_few_notes_a_patient_holds_the_first_ones_of_each():
    few = make_cohort(profile=replace(TRAINING, most_notes=2))
    by_patient: dict[str, list[SyntheticNote]] = {}
    for made in make_cohort():
        by_patient.setdefault(made.note.patient, []).append(made)
    assert few == [made for notes in by_patient.values() for made in notes[:2]]
    assert len(few) < sum(map(len, by_patient.values()))


@pytest.mark.parametrize("profile", [TRAINING, DEIDENTIFICATION])
def test_the_mean_length_lies_within_the_profile_and_no_note_is_far_outside(profile: Profile):
    low, high = profile.length
    lengths = [len(made.note.text) for made in make_cohort(patients=60, profile=profile)]
    assert low < np.mean(lengths) < high
    assert low / 2 < min(lengths) and max(lengths) < high + 400


def test_a_denser_profile_gives_more_identifiers_a_character():
    plain, dense = (make_cohort(profile=profile) for profile in (TRAINING, DEIDENTIFICATION))
    density = [
        sum(len(m.phi) for m in cohort) / sum(len(m.note.text) for m in cohort)
        for cohort in (plain, dense)
    ]
    assert density[1] > density[0]


def test_upper_and_lower_notes_have_one_case_and_every_stratum_occurs():
    cohort = make_cohort(patients=60, profile=DEIDENTIFICATION)
    texts: dict[str, list[str]] = {}
    for made in cohort:
        texts.setdefault(made.stratum, []).append(made.note.text)
    assert set(texts) == {"mixed", "upper", "lower", "composed"}
    assert all(text == text.upper() for text in texts["upper"])
    assert all(text == text.lower() for text in texts["lower"])
    assert all(text not in (text.upper(), text.lower()) for text in texts["mixed"])


def test_composed_patients_mostly_have_names_that_no_list_holds():
    cohort = make_cohort(patients=60, profile=DEIDENTIFICATION)
    known = lexicon().known
    rosters = {m.note.patient: m for m in cohort if m.stratum in ("mixed", "composed")}
    found: dict[str, list[bool]] = {"mixed": [], "composed": []}
    for made in rosters.values():
        names = [value for kind, value in made.known.values if kind == "PERSON"]
        found[made.stratum] += [name.split()[0].lower() in known for name in names]
    assert all(found["mixed"])
    assert np.mean(found["composed"]) < 0.3


def test_some_patients_are_over_89_and_only_their_ages_are_identifiers():
    cohort = make_cohort(patients=150)
    assert any(span.label == "AGE" for made in cohort for span in made.phi)
    for made in cohort:
        rest = outside(made.note.text, made.phi)
        stated = re.findall(r"(\d+)[ -](?:year|y\.?o|y/o)", rest)
        assert all(int(age) <= 89 for age in stated)


def test_a_row_is_plain_json_whose_spans_index_its_text():
    for made in islice(make_cohort(), 20):
        row = json.loads(json.dumps(as_row(made)))
        assert list(row) == [
            "id",
            "patient_id",
            "hospital",
            "note_type",
            "text",
            "label",
            "entities",
            "phi",
            "stratum",
        ]
        assert row["label"] in SERVICES
        assert [(s["start"], s["end"], s["label"]) for s in row["phi"]] == [
            (span.start, span.end, span.label) for span in made.phi
        ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": -1},
        {"patients_per_hospital": 0},
        {"alpha": 0.0},
        {"hospitals": ()},
        {"hospitals": ("mercy", "mercy")},
    ],
)
def test_a_cohort_that_cannot_be_is_refused_before_the_first_note(wrong: dict[str, object]):
    right = {
        "seed": 1,
        "hospitals": HOSPITALS,
        "patients_per_hospital": 1,
        "alpha": 0.4,
        "split": "train",
    }
    with pytest.raises(ConfigError, match="a cohort needs"):
        generate_cohort(**{**right, **wrong})  # type: ignore[arg-type]


@given(SEEDS, st.integers(1, 8), st.floats(0.1, 10))
@settings(max_examples=50, deadline=None)
def test_shares_are_a_mix_at_each_hospital_and_balanced_over_all(
    seed: int, hospitals: int, alpha: float
):
    shares = service_shares(seed, hospitals, alpha)
    assert shares.shape == (hospitals, len(SERVICES)) and (shares >= 0).all()
    assert shares.sum(axis=1) == pytest.approx(1)
    assert shares.sum(axis=0) == pytest.approx(hospitals / len(SERVICES), rel=0.05)


def test_the_smaller_alpha_the_more_the_hospitals_differ():
    spread = [np.mean([service_shares(s, 4, a).std() for s in range(20)]) for a in (0.2, 1, 50)]
    assert spread[0] > spread[1] > spread[2]


def test_the_test_split_has_the_same_mix_of_services_at_every_hospital():
    counts = {hospital: Counter[str]() for hospital in HOSPITALS}
    for made in make_cohort(patients=300, split="test"):
        counts[made.hospital].update(made.note.labels)
    for seen in counts.values():
        assert all(0.05 < seen[s] / seen.total() < 0.25 for s in SERVICES)


def predict(train: list[SyntheticNote], test: list[SyntheticNote]) -> list[str]:
    """Classify with multinomial naive Bayes over words (Manning et al. 2008, chapter 13)."""
    words = {service: Counter[str]() for service in SERVICES}
    notes = Counter(made.note.labels[0] for made in train)
    for made in train:
        words[made.note.labels[0]].update(set(re.findall(r"[a-z]{3,}", made.note.text.lower())))
    vocabulary = len(set().union(*words.values()))
    totals = {service: seen.total() + vocabulary for service, seen in words.items()}

    def score(service: str, text: set[str]) -> float:
        seen = words[service]
        prior = math.log(notes[service] + 1)
        return prior + sum(math.log((seen[word] + 1) / totals[service]) for word in text)

    texts = [set(re.findall(r"[a-z]{3,}", made.note.text.lower())) for made in test]
    return [max(SERVICES, key=lambda service: score(service, text)) for text in texts]


def test_a_word_counter_learns_the_labels_from_all_hospitals_but_not_from_one():
    hospitals = ("mercy", "county", "lakeview", "st_elsewhere")
    train, test = (
        list(
            generate_cohort(
                seed=5, hospitals=hospitals, patients_per_hospital=n, alpha=0.4, split=split
            )
        )
        for split, n in (("train", 150), ("test", 30))
    )

    def accuracy(notes: list[SyntheticNote]) -> float:
        guesses = predict(notes, test)
        return float(np.mean([g == m.note.labels[0] for g, m in zip(guesses, test, strict=True)]))

    alone = [accuracy([m for m in train if m.hospital == hospital]) for hospital in hospitals]
    assert accuracy(train) > max(0.6, max(alone) + 0.1)
