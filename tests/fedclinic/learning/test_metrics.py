"""Metrics agree with values computed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.learning.metrics import document_tally, entity_tally
from fedclinic.notes import Span


def documents(predicted: list[int], actual: list[int], classes: int) -> dict[str, float]:
    return document_tally(np.array(predicted), np.array(actual), classes).metrics()


def test_document_metrics_agree_with_hand_computed_values():
    # class 0: 2 hits of 3 named and 2 true, F1 4/5; class 1: 1 of 1 and 3, 2/4; class 2: 1 of 2
    # and 1, 2/3
    found = documents([0, 0, 0, 1, 2, 2], [0, 0, 1, 1, 1, 2], classes=3)
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["macro_f1"] == pytest.approx((4 / 5 + 2 / 4 + 2 / 3) / 3)


def test_a_class_that_nobody_names_does_not_count():
    assert documents([0, 1], [0, 1], classes=9) == {"accuracy": 1.0, "macro_f1": 1.0}


def test_a_class_that_is_only_predicted_counts_as_missed():
    # class 0: 1 hit of 1 predicted and 2 actual, F1 2/3; class 1: predicted once, never right
    assert documents([0, 1], [0, 0], classes=2)["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)


def test_nothing_right_is_zero():
    assert documents([1, 0], [0, 1], classes=2) == {"accuracy": 0.0, "macro_f1": 0.0}


def test_entity_metrics_agree_with_hand_computed_values():
    predicted = [
        [Span(0, 5, "Drug"), Span(6, 9, "Drug"), Span(20, 25, "Disease")],
        [],
        [Span(0, 4, "Drug")],
    ]
    actual = [
        [Span(0, 5, "Drug"), Span(6, 10, "Drug"), Span(20, 25, "Drug")],
        [Span(1, 2, "Drug")],
        [Span(0, 4, "Drug")],
    ]
    found = entity_tally(predicted, actual).metrics()
    assert found["precision"] == pytest.approx(2 / 4)
    assert found["recall"] == pytest.approx(2 / 5)
    assert found["f1"] == pytest.approx(2 * 2 / (4 + 5))


def test_an_entity_counts_only_with_its_exact_bounds_and_type():
    gold = [[Span(3, 8, "Drug")]]
    for wrong in (Span(3, 7, "Drug"), Span(2, 8, "Drug"), Span(3, 8, "Disease")):
        assert entity_tally([[wrong]], gold).metrics()["f1"] == 0.0
    assert entity_tally([[Span(3, 8, "Drug", score=0.1)]], gold).metrics()["f1"] == 1.0


def test_an_entity_of_another_note_is_not_a_hit():
    span = Span(3, 8, "Drug")
    assert entity_tally([[span], []], [[], [span]]).metrics()["f1"] == 0.0


def test_no_entities_anywhere_are_no_division_by_zero():
    assert entity_tally([[]], [[]]).metrics() == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_a_note_without_a_prediction_is_an_error_and_not_skipped():
    with pytest.raises(ValueError, match=r"zip\(\)"):
        entity_tally([[]], [[], []]).metrics()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_document_metrics_are_shares_and_perfect_only_when_all_are_right(pairs):
    predicted, actual = [list(side) for side in zip(*pairs, strict=True)]
    found = documents(predicted, actual, classes=4)
    assert all(0.0 <= value <= 1.0 for value in found.values())
    assert (found["accuracy"] == 1.0) == (predicted == actual) == (found["macro_f1"] == 1.0)
