from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fedclinic.deid.resolve import resolve, without_edges
from fedclinic.notes import Span


@st.composite
def spans(draw: st.DrawFn) -> Span:
    start = draw(st.integers(0, 40))
    end = draw(st.integers(start + 1, 45))
    label = draw(st.sampled_from(["PERSON", "LOCATION", "DATE_TIME"]))
    return Span(start, end, label, draw(st.sampled_from([0.5, 0.7, 0.9])))


def covered(found: list[Span]) -> set[int]:
    return {at for span in found for at in range(span.start, span.end)}


@given(st.lists(spans(), max_size=12))
def test_all_that_any_finding_covers_stays_covered(found: list[Span]) -> None:
    assert covered(resolve(found)) == covered(found)


@given(st.lists(spans(), max_size=12))
def test_resolved_spans_are_sorted_and_never_overlap(found: list[Span]) -> None:
    resolved = resolve(found)
    assert all(a.end <= b.start for a, b in pairwise(resolved))


@given(st.lists(spans(), max_size=12))
def test_the_order_of_findings_does_not_change_what_is_covered_by_whom(found: list[Span]) -> None:
    labels = {(s.start, s.end, s.score) for s in found}
    if len(labels) == len(found):
        assert resolve(found) == resolve(found[::-1])


def test_the_surer_finding_names_the_characters_that_two_claim() -> None:
    person, place = Span(0, 10, "PERSON", 0.6), Span(4, 14, "LOCATION", 0.9)
    assert resolve([person, place]) == [Span(0, 4, "PERSON", 0.6), place]


def test_marks_at_the_edges_are_left_in_the_text() -> None:
    assert without_edges("by (Lee), then", [Span(3, 9, "PERSON")]) == [Span(4, 7, "PERSON")]


def test_a_bracket_that_closes_within_the_span_stays_with_it() -> None:
    found = without_edges("(617) 555-0199.", [Span(0, 15, "PHONE_NUMBER")])
    assert found == [Span(0, 14, "PHONE_NUMBER")]


def test_a_possessive_ending_is_left_in_the_text_unless_more_of_the_same_kind_follows() -> None:
    text = "Anne's General Hospital"
    anne, hospital = Span(0, 6, "ORGANIZATION"), Span(7, 23, "ORGANIZATION")
    assert without_edges(text, [anne]) == [Span(0, 4, "ORGANIZATION")]
    assert without_edges(text, [anne, hospital]) == [anne, hospital]
    person = Span(0, 6, "PERSON")
    assert without_edges(text, [person, hospital]) == [Span(0, 4, "PERSON"), hospital]


def test_a_span_without_letters_or_digits_is_dropped() -> None:
    assert without_edges("a -- b", [Span(1, 5, "PERSON")]) == []
