"""Lower bounds on epsilon: the published numbers, to every digit given."""

import math

import numpy as np
import pytest
from scipy import stats

from fedclinic.privacy.commit_reveal import count_right, guess
from fedclinic.privacy.lower_bounds import (
    Guesses,
    delta_of_mu,
    epsilon_of_mu,
    gaussian_epsilon,
    largest_refutable_epsilon,
    steinke_epsilon,
    steinke_p_value,
)

VECTORS = [
    (100, 100, 75, 0.7019, 1.5736),
    (100, 100, 100, 3.4902, 8.2162),
    (500, 500, 400, 1.1983, 2.3266),
    (1000, 100, 90, 1.6261, 2.4564),
    (1000, 100, 100, 3.4654, 5.5490),
    (1000, 1000, 600, 0.2972, 0.5835),
    (1000, 1000, 750, 0.9764, 1.8189),
    (1000, 1000, 900, 2.0206, 3.7793),
    (1000, 1000, 1000, 5.7823, 12.3346),
    (10000, 10000, 10000, 7.8343, 16.1110),
]


@pytest.mark.parametrize(("m", "r", "v", "steinke", "gaussian"), VECTORS)
def test_both_bounds_match_their_test_vectors(m, r, v, steinke, gaussian):
    guesses = Guesses(m, r, v)
    assert round(steinke_epsilon(guesses, delta=1e-5), 4) == steinke
    assert round(gaussian_epsilon(guesses, delta=1e-5), 4) == gaussian


@pytest.mark.parametrize(
    ("m", "r", "v", "published"),
    [(500, 35, 23, 0.014548719860613346), (500, 100, 60, 0.05073561053723097)],
)
def test_values_published_elsewhere_are_met(m, r, v, published):
    assert steinke_epsilon(Guesses(m, r, v), delta=1e-5) == pytest.approx(published, rel=1e-6)


def test_coin_flips_prove_nothing():
    assert steinke_epsilon(Guesses(1000, 500, 250), delta=1e-5) == 0.0
    assert gaussian_epsilon(Guesses(1000, 500, 250), delta=1e-5) == 0.0


def test_without_delta_the_p_value_is_a_binomial_tail():
    found = steinke_p_value(Guesses(100, 100, 80), epsilon=1.0, delta=0.0)
    assert found == pytest.approx(stats.binom.sf(79, 100, math.e / (1 + math.e)))


def test_no_audit_of_this_size_shows_more_than_its_limit():
    limit = largest_refutable_epsilon(1000)
    assert limit == pytest.approx(5.8091, abs=1e-4)
    assert steinke_epsilon(Guesses(1000, 1000, 1000), delta=0.0) == pytest.approx(limit, rel=1e-6)


@pytest.mark.parametrize("mu", [0.3, 1.0, 3.0])
def test_epsilon_and_delta_of_gaussian_dp_are_inverse(mu):
    assert delta_of_mu(mu, epsilon=epsilon_of_mu(mu, delta=1e-5)) == pytest.approx(1e-5, rel=1e-6)


def test_guesses_are_taken_from_both_ends():
    scores = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    included = np.array([True, False, True, False, False])
    guessed = guess(scores, 2)
    assert guessed.included == (0, 1)
    assert guessed.excluded == (4, 3)
    assert count_right(guessed, included) == Guesses(5, 4, 3)
    assert count_right(guessed, included, 1) == Guesses(5, 2, 2)


@pytest.mark.parametrize("numbers", [(10, 11, 5), (10, 5, 6), (10, 5, -1)])
def test_impossible_outcomes_are_refused(numbers):
    with pytest.raises(ValueError, match="right guesses"):
        Guesses(*numbers)
