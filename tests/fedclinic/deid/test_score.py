import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.deid.gold import GoldDocument
from fedclinic.deid.score import ALL, Tally, score
from fedclinic.notes import Span

TEXT = "Pt John Smith seen 01/02/2020 at noon by Lee"
GOLD = GoldDocument(
    "a",
    TEXT,
    (Span(3, 13, "NAME"), Span(19, 29, "DATE"), Span(41, 44, "NAME")),
    (Span(33, 37, "TIME"),),
    (Span(0, 2, "subject"), Span(3, 13, "person")),
)


def found(*spans: tuple[int, int, str]) -> list[list[Span]]:
    return [[Span(*span) for span in spans]]


PERFECT = found((3, 13, "PERSON"), (19, 29, "DATE_TIME"), (41, 44, "PERSON"))


def test_a_perfect_detector_scores_one_everywhere() -> None:
    result = score([GOLD], PERFECT)
    for tallies in (result.strict, result.token, result.character, result.binary):
        assert (tallies[ALL].recall(), tallies[ALL].precision(), tallies[ALL].f1()) == (1, 1, 1)
    assert result.leaked == {}
    assert result.over_redaction() == 0


def test_a_detector_that_finds_nothing_leaks_all() -> None:
    result = score([GOLD], found())
    assert result.binary[ALL].recall() == 0
    assert result.binary[ALL].precision() is None
    assert result.leaked == {ALL: 3, "NAME": 2, "DATE": 1}


def test_half_a_name_is_a_token_found_a_span_missed_and_a_leak() -> None:
    result = score([GOLD], found((3, 7, "PERSON"), (19, 29, "DATE_TIME"), (41, 44, "PERSON")))
    assert result.strict["NAME"] == Tally(hits=1, misses=1, false_alarms=1)
    assert result.token["NAME"] == Tally(hits=2, misses=1, false_alarms=0)
    assert result.leaked == {ALL: 1, "NAME": 1}


def test_the_wrong_class_is_a_binary_hit_only() -> None:
    result = score([GOLD], found((3, 13, "LOCATION")))
    assert result.binary["NAME"].hits == 2
    assert result.token["NAME"].hits == 0
    assert result.token["LOCATION"].false_alarms == 2


def test_ignored_labels_are_neither_required_nor_counted_against_a_detector() -> None:
    with_time = [[*PERFECT[0], Span(33, 37, "DATE_TIME")]]
    assert score([GOLD], with_time).binary == score([GOLD], PERFECT).binary
    assert score([GOLD], with_time).strict == score([GOLD], PERFECT).strict


def test_over_redaction_counts_tokens_replaced_without_need_in_a_thousand() -> None:
    result = score([GOLD], [[*PERFECT[0], Span(14, 18, "PERSON")]])
    assert result.tokens == 11
    assert result.over_redaction() == pytest.approx(1000 / 11)


def test_a_task_label_survives_where_nothing_is_replaced() -> None:
    result = score([GOLD], PERFECT)
    assert (result.entities_total, result.entities_survived) == (2, 1)


def test_scores_sum_over_documents() -> None:
    twice = score([GOLD, GOLD], PERFECT * 2)
    assert twice.documents == 2
    assert twice.token[ALL].hits == 2 * score([GOLD], PERFECT).token[ALL].hits


def test_a_detection_for_every_document_is_required() -> None:
    with pytest.raises(ValueError, match="shorter"):
        score([GOLD, GOLD], PERFECT)


@st.composite
def detections(draw: st.DrawFn) -> list[Span]:
    start = draw(st.integers(0, len(TEXT) - 1))
    end = draw(st.integers(start + 1, len(TEXT)))
    return [Span(start, end, draw(st.sampled_from(["PERSON", "DATE_TIME", "LOCATION"])))]


@given(detections())
def test_hits_and_misses_of_a_class_are_always_all_of_its_gold(spans: list[Span]) -> None:
    result = score([GOLD], [spans])
    assert result.strict["NAME"].hits + result.strict["NAME"].misses == 2
    assert result.binary["NAME"].hits + result.binary["NAME"].misses == 3
    assert result.token["DATE"].hits + result.token["DATE"].misses == 3


@given(detections())
def test_the_binary_recall_is_never_below_the_recall_with_classes(spans: list[Span]) -> None:
    result = score([GOLD], [spans])
    assert result.binary[ALL].hits >= result.token[ALL].hits
