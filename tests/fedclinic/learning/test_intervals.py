"""Intervals of quality hold what they say, draw patients and not notes, and have a width."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from fedclinic.learning.intervals import FEWEST_PATIENTS, intervals
from fedclinic.learning.metrics import Tally, document_tally, label_tally, token_tally


def one_note_each(notes: int) -> list[np.ndarray]:
    return [np.array([note]) for note in range(notes)]


def tally_of(right: list[bool]) -> Tally:
    """Two classes, half of each, of which so many notes are named rightly."""
    actual = np.arange(len(right)) % 2
    return document_tally(np.where(right, actual, 1 - actual), actual, 2)


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 120), st.floats(0, 1))
def test_an_interval_holds_its_metric_and_is_at_least_as_wide_as_the_exact_one(notes, share):
    right = [note < share * notes for note in range(notes)]
    tally = tally_of(right)
    low, high = intervals(tally, one_note_each(notes))["accuracy"]
    exact = binomtest(sum(right), notes).proportion_ci(method="exact")
    assert low <= exact.low + 1e-9
    assert high >= exact.high - 1e-9
    assert low <= tally.metrics()["accuracy"] <= high


def test_the_interval_of_an_f1_covers_the_truth_about_as_often_as_it_says():
    """200 studies of 60 patients: the F1 of the whole population is inside in 95 of 100 of them."""
    random = np.random.default_rng(7)
    actual = random.integers(0, 2, 60_000)
    predicted = np.where(random.random(60_000) < 0.75, actual, 1 - actual)
    truth = document_tally(predicted, actual, 2).metrics()["macro_f1"]
    covered = 0
    for _ in range(200):
        drawn = random.integers(0, 60_000, 60)
        tally = document_tally(predicted[drawn], actual[drawn], 2)
        low, high = intervals(tally, one_note_each(60))["macro_f1"]
        covered += low <= truth <= high
    assert 176 <= covered <= 199


def test_many_notes_of_few_patients_are_no_surer_than_the_patients():
    """Ten notes each, all right or all wrong: the evidence of 20 patients, not of 200 notes."""
    right = [bool(patient % 2) for patient in range(20) for _ in range(10)]
    together = [np.arange(10) + 10 * patient for patient in range(20)]
    low, high = intervals(tally_of(right), together)["accuracy"]
    apart = intervals(tally_of(right), one_note_each(200))["accuracy"]
    assert high - low > 2 * (apart[1] - apart[0])


def test_too_few_patients_get_no_interval():
    assert intervals(tally_of([True] * 90), [np.arange(10)] * (FEWEST_PATIENTS - 1)) == {}


def test_where_all_is_right_a_share_still_has_an_interval_and_an_f1_has_none():
    found = intervals(tally_of([True] * 30), one_note_each(30))
    assert found["accuracy"] == (pytest.approx(0.025 ** (1 / 30), abs=1e-6), 1.0)
    assert "macro_f1" not in found


def test_the_same_notes_give_the_same_interval():
    tally = tally_of([True, False, True] * 20)
    assert intervals(tally, one_note_each(60)) == intervals(tally, one_note_each(60))


def test_metrics_of_every_kind_of_task_have_intervals():
    random = np.random.default_rng(1)
    predicted, actual = random.integers(0, 2, (2, 40, 3))
    assert set(intervals(label_tally(predicted, actual), one_note_each(40))) == {
        "micro_f1",
        "macro_f1",
        "exact",
    }
    losses = token_tally(random.random(40) * 100, np.full(40, 50.0))
    assert set(intervals(losses, one_note_each(40))) == {"loss", "perplexity"}


def test_the_metrics_of_parts_of_the_notes_are_their_own():
    tally = tally_of([True] * 10 + [False] * 10)
    assert tally.part(np.arange(10)).metrics()["accuracy"] == 1.0
    assert tally.part(np.arange(10, 20)).metrics() == {"accuracy": 0.0, "macro_f1": 0.0}
