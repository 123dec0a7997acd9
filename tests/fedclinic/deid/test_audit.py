import csv
import io
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.deid.audit import (
    AuditReport,
    ReviewCounts,
    canary_lower_bounds,
    check_audit,
    failed_gates,
    notes_with_known_values,
    sum_counts,
)
from fedclinic.deid.audit_page import audit_page
from fedclinic.deid.bounds import clopper_pearson, estimated_recall, has_drifted, lower_bound
from fedclinic.deid.canaries import (
    CanaryCounts,
    CanaryKind,
    CanaryMaker,
    CanaryNote,
    count_found,
    is_header,
    plant,
)
from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.policy import DeidentificationCounts
from fedclinic.deid.review import ReviewNote, draw_for_review, review_page, review_table
from fedclinic.errors import PolicyError
from fedclinic.notes import DeidentifiedNote, KnownIdentifiers, Span
from tests.fedclinic.deid.makers import make_policy

DIGEST = "sha256:" + "0" * 64
GATES = make_policy().audit


def make_report(**changes: object) -> AuditReport:
    report = AuditReport(
        site="st_elsewhere",
        audited_at=datetime(2026, 1, 2, tzinfo=UTC),
        policy=DIGEST,
        dictionaries=DIGEST,
        tagger=DIGEST,
        notes_deidentified=990,
        notes_quarantined=10,
        notes_with_known_values=0,
        replaced={EntityKind.PERSON: 4000},
        entities_total=1000,
        entities_survived=999,
        over_redaction=3.0,
        canaries=(
            CanaryCounts(kind=CanaryKind.COMMON_NAME, in_header=True, planted=300, found=300),
            CanaryCounts(kind=CanaryKind.COMMON_NAME, in_header=False, planted=700, found=690),
        ),
        reviews={EntityKind.PERSON: ReviewCounts(found_by_detector=400, left_in_text=1)},
        estimated_recall=0.98,
        baseline_recall=0.99,
    )
    return report.model_copy(update=changes)


def test_no_leak_in_299_identifiers_bounds_recall_at_99_per_cent() -> None:
    assert lower_bound(299, 299, confidence=0.95) >= 0.99
    assert lower_bound(298, 298, confidence=0.95) < 0.99


def test_the_exact_interval_is_that_of_the_published_tables() -> None:
    interval = clopper_pearson(8, 10, confidence=0.95)
    assert (interval.lower, interval.upper) == pytest.approx((0.4439, 0.9748), abs=1e-4)


@given(st.integers(0, 200), st.integers(0, 200))
def test_the_interval_holds_the_share_that_was_counted(hits: int, misses: int) -> None:
    interval = clopper_pearson(hits, hits + misses, confidence=0.95)
    if hits + misses:
        assert interval.lower <= hits / (hits + misses) <= interval.upper
    else:
        assert (interval.lower, interval.upper) == (0, 1)


def test_two_detectors_that_find_the_same_are_estimated_to_find_all() -> None:
    assert estimated_recall(both=100, first_only=0, second_only=0) == pytest.approx(1.0)


def test_two_detectors_that_hardly_agree_are_estimated_to_miss_much() -> None:
    recall = estimated_recall(both=10, first_only=40, second_only=40)
    assert recall is not None
    assert recall < 0.5


def test_without_findings_there_is_no_estimate() -> None:
    assert estimated_recall(both=0, first_only=0, second_only=0) is None


def test_a_fall_beyond_the_tolerance_is_a_drift() -> None:
    assert has_drifted(0.94, 0.98, tolerance=0.03)
    assert not has_drifted(0.96, 0.98, tolerance=0.03)


def maker(seed: int = 1) -> CanaryMaker:
    return CanaryMaker(lexicon(), Random(seed))


def test_unlisted_canaries_are_in_no_dictionary() -> None:
    known = lexicon()
    for _ in range(100):
        for word in maker().make(CanaryKind.UNLISTED_NAME).lower().split():
            assert word not in known.given
            assert word not in known.family_rank


def test_a_canary_stands_where_the_identifier_stood() -> None:
    text = "Name: Jo Lee\nMr. Lee is well, says Jo Lee."
    slots = [Span(6, 12, "PERSON"), Span(17, 20, "PERSON"), Span(35, 41, "PERSON")]
    note = plant(text, slots, CanaryKind.RARE_NAME, maker(), share=1.0, rng=Random(2))
    values = {note.text[span.start : span.end] for span in note.spans}
    assert len(note.spans) == 3
    assert len(values) == 1
    assert "Lee" not in note.text
    assert note.text.startswith("Name: ")


def test_a_canary_takes_only_places_of_its_kind() -> None:
    slots = [Span(0, 6, "PERSON"), Span(7, 14, "MEDICAL_RECORD")]
    note = plant("Jo Lee 1234567", slots, CanaryKind.NUMBER, maker(), share=1.0, rng=Random(2))
    assert [span.label for span in note.spans] == [CanaryKind.NUMBER]
    assert note.text.startswith("Jo Lee ")


def test_canaries_are_counted_by_kind_and_place() -> None:
    note = CanaryNote(
        "Name: Zor\nThen Zor slept.",
        (Span(6, 9, CanaryKind.RARE_NAME), Span(15, 18, CanaryKind.RARE_NAME)),
    )
    counts = count_found([note], lambda text: [Span(6, 9, "PERSON"), Span(15, 17, "PERSON")])
    assert counts == (
        CanaryCounts(kind=CanaryKind.RARE_NAME, in_header=False, planted=1, found=0),
        CanaryCounts(kind=CanaryKind.RARE_NAME, in_header=True, planted=1, found=1),
    )


def test_a_field_is_a_header_and_a_sentence_is_none() -> None:
    text = "Name: Jo\nJo slept well."
    assert is_header(text, 6)
    assert not is_header(text, 9)


def test_headers_and_sentences_count_together_against_the_gate() -> None:
    bounds = canary_lower_bounds(make_report().canaries, confidence=0.95)
    assert bounds == {CanaryKind.COMMON_NAME: lower_bound(990, 1000, confidence=0.95)}


def test_a_good_audit_passes() -> None:
    assert failed_gates(make_report(), GATES) == []
    check_audit(make_report(), GATES)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"notes_with_known_values": 1}, "known value"),
        ({"notes_quarantined": 500}, "quarantine"),
        ({"entities_survived": 500}, "labels survived"),
        ({"over_redaction": 50.0}, "without need"),
        ({"estimated_recall": 0.9}, "have changed"),
        (
            {"reviews": {EntityKind.PERSON: ReviewCounts(found_by_detector=20, left_in_text=0)}},
            "recall of PERSON",
        ),
        (
            {
                "canaries": (
                    CanaryCounts(kind=CanaryKind.RARE_NAME, in_header=False, planted=100, found=90),
                )
            },
            "recall of rare name",
        ),
    ],
)
def test_each_gate_stops_an_audit_that_does_not_satisfy_it(
    changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(PolicyError, match=sentence):
        check_audit(make_report(**changes), GATES)


def test_a_de_identified_note_with_a_known_value_is_named_for_blocking() -> None:
    roster = {"p1": KnownIdentifiers("p1", (("PERSON", "Zorvath Quilim"),))}
    notes = [
        DeidentifiedNote("n1", "p1", "zorvath slept"),
        DeidentifiedNote("n2", "p1", "Belabury slept"),
        DeidentifiedNote("n3", "p2", "zorvath slept"),
    ]
    assert notes_with_known_values(notes, roster, lexicon()) == ["n1"]


def test_counts_of_notes_add_up() -> None:
    one = DeidentificationCounts(
        replaced={EntityKind.PERSON: 2, EntityKind.URL: 1},
        entities_total=5,
        entities_survived=4,
        characters=100,
        replaced_characters=20,
    )
    both = sum_counts([one, one])
    assert both.replaced == {EntityKind.PERSON: 4, EntityKind.URL: 2}
    assert (both.entities_total, both.characters) == (10, 200)


def test_the_audit_page_names_verdict_and_digests_and_runs_nothing() -> None:
    page = audit_page(make_report(notes_with_known_values=2), GATES)
    assert "Not passed" in page
    assert DIGEST in page
    assert "<script" not in page
    assert "http" not in page
    assert "Every gate" in audit_page(make_report(), GATES)


NOTES = [ReviewNote(f"n{index}", "text", (), disagreements=index // 90) for index in range(100)]


def test_a_note_is_drawn_once_and_the_same_seed_draws_the_same() -> None:
    first = draw_for_review(NOTES, count=20, disagreement_weight=0.0, rng=Random(1))
    assert len({note.note_id for note in first}) == 20
    assert first == draw_for_review(NOTES, count=20, disagreement_weight=0.0, rng=Random(1))


def test_notes_that_detectors_dispute_are_drawn_more_often() -> None:
    def disputed(weight: float) -> int:
        rng = Random(3)
        drawn = (
            draw_for_review(NOTES, count=10, disagreement_weight=weight, rng=rng) for _ in range(50)
        )
        return sum(note.disagreements for notes in drawn for note in notes)

    assert disputed(20.0) > 2 * disputed(0.0)


def test_each_reviewer_has_a_row_for_each_note() -> None:
    rows = list(csv.reader(io.StringIO(review_table(NOTES[:3], ["first", "second"]))))
    assert len(rows) == 1 + 6
    assert {row[1] for row in rows[1:]} == {"first", "second"}


def test_the_review_page_shows_replacements_in_colour_and_runs_nothing_of_the_note() -> None:
    text = "Seen by Belabury <script>alert(1)</script>"
    page = review_page([ReviewNote("n1", text, (Span(8, 16, "PERSON"),))], title="Review")
    assert ">Belabury</mark>" in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
