"""Who joins a step: the law that the accountant assumes."""

import numpy as np
import pytest
from scipy import stats

from fedclinic.errors import DataError
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.privacy.sampling import draw_one_note, poisson_sample


def stream() -> RandomStream:
    return RandomStream(b"\x05" * 32)


def test_every_patient_joins_with_the_planned_rate_independently():
    source, rate, steps, patients = stream(), 0.05, 2000, 200
    joined = np.zeros((steps, patients))
    for step in range(steps):
        joined[step, poisson_sample(patients, rate, source)] = 1
    assert stats.binomtest(int(joined.sum()), steps * patients, rate).pvalue > 1e-4
    sizes = joined.sum(1)
    dispersion = ((sizes - patients * rate) ** 2).sum() / (patients * rate * (1 - rate))
    assert 1e-4 < stats.chi2.cdf(dispersion, steps) < 1 - 1e-4


def test_a_step_may_be_empty():
    source = stream()
    assert any(len(poisson_sample(5, 0.1, source)) == 0 for _ in range(20))


def test_rate_one_takes_everybody():
    assert poisson_sample(7, 1.0, stream()).tolist() == list(range(7))


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.1, float("nan")])
def test_a_rate_that_is_no_probability_is_refused(rate):
    with pytest.raises(ValueError, match="sampling rate"):
        poisson_sample(7, rate, stream())


def test_a_patient_brings_one_of_its_own_notes_uniformly():
    notes_of = [np.array([10]), np.array([20, 21, 22]), np.array([30, 31])]
    source = stream()
    drawn = np.array([draw_one_note(notes_of, np.array([0, 1, 2]), source) for _ in range(3000)])
    assert set(drawn[:, 0]) == {10}
    counts = [int((drawn[:, 1] == note).sum()) for note in (20, 21, 22)]
    assert sum(counts) == 3000
    assert stats.chisquare(counts).pvalue > 1e-4
    assert set(drawn[:, 2]) == {30, 31}


def test_nobody_chosen_brings_nothing():
    assert draw_one_note([np.array([1])], np.array([], dtype=np.int64), stream()).tolist() == []


def test_a_patient_without_notes_is_an_error_that_names_nobody():
    empty = np.array([], dtype=np.int64)
    with pytest.raises(DataError, match="1 sampled patients have no notes"):
        draw_one_note([np.array([4]), empty], np.array([0, 1]), stream())
