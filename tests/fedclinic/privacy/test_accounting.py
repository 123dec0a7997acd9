"""Epsilon against closed forms, other accountants and itself."""

import math
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from fedclinic.errors import ConfigError, EvidenceError
from fedclinic.privacy.accountants import epsilon_by_prv
from fedclinic.privacy.accounting import (
    ComposedPrivacy,
    calibrate_noise_multiplier,
    epsilon,
    epsilon_by_rdp,
    renyi_divergences,
)
from fedclinic.privacy.description import PrivacyDescription, check_description, describe
from fedclinic.privacy.mechanism import Mechanism

DELTA = 1e-5


def mechanism(noise: float = 1.0, rate: float = 0.02, steps: int = 100) -> Mechanism:
    return Mechanism(noise_multiplier=noise, sampling_rate=rate, steps=steps)


def gaussian_epsilon(mu: float, delta: float) -> float:
    """Balle and Wang 2018, arXiv:1805.06530, theorem 8: the exact epsilon of mu-GDP."""

    def excess(e: float) -> float:
        return float(norm.cdf(mu / 2 - e / mu) - math.exp(e) * norm.cdf(-mu / 2 - e / mu) - delta)

    return float(brentq(excess, 0, 100))


@pytest.mark.parametrize(("noise", "steps"), [(1.0, 1), (2.0, 4), (5.0, 100), (20.0, 30)])
def test_without_sampling_epsilon_is_the_gaussian_closed_form(noise, steps):
    truth = gaussian_epsilon(math.sqrt(steps) / noise, DELTA)
    found = epsilon([mechanism(noise, 1.0, steps)], delta=DELTA)
    assert truth <= found <= truth * 1.002 + 1e-4


GRID = [
    (1.0, 0.02, 1000),
    (0.8, 0.1, 60),
    (4.0, 0.25, 300),
    (1.2, 0.01, 500),
    (2.0, 0.5, 20),
    (16.0, 0.3, 400),
]


@pytest.mark.parametrize(("noise", "rate", "steps"), GRID)
def test_three_accountants_agree_and_the_looser_ones_stand_above(noise, rate, steps):
    run = [mechanism(noise, rate, steps)]
    of_record = epsilon(run, delta=DELTA)
    assert of_record <= epsilon_by_prv(run, delta=DELTA) <= 1.02 * of_record
    assert of_record <= epsilon_by_rdp(run, delta=DELTA) <= 1.4 * of_record


def test_dp_accountings_own_value_is_met():
    """google/differential-privacy's PLD at a 1e-5 grid gives 3.89909 for this mechanism."""
    assert epsilon([mechanism(1.0, 0.02, 1000)], delta=DELTA) == pytest.approx(3.89909, rel=1e-4)


def test_unequal_rounds_are_composed_and_never_added():
    rounds = [mechanism(1.0, 0.02, 50), mechanism(1.5, 0.05, 20), mechanism(1.0, 0.02, 30)]
    together = epsilon(rounds, delta=DELTA)
    assert together < sum(epsilon([one], delta=DELTA) for one in rounds)
    assert together > max(epsilon([one], delta=DELTA) for one in rounds)
    assert together == pytest.approx(epsilon_by_prv(rounds, delta=DELTA), rel=0.02)


def test_a_round_added_to_the_kept_state_equals_composing_from_scratch():
    rounds = [mechanism(1.0, 0.02, 50), mechanism(1.5, 0.05, 20), mechanism(1.2, 0.02, 30)]
    kept = ComposedPrivacy()
    for number, one in enumerate(rounds, start=1):
        kept = kept.then(one)
        scratch = epsilon(rounds[:number], delta=DELTA)
        assert kept.epsilon(delta=DELTA) == pytest.approx(scratch, rel=1e-4)
        assert kept.rounds == number


def test_steps_in_one_round_or_in_many_cost_the_same():
    many = epsilon([mechanism(steps=10)] * 10, delta=DELTA)
    assert many == pytest.approx(epsilon([mechanism(steps=100)], delta=DELTA), rel=1e-6)


def test_nothing_done_costs_nothing():
    assert epsilon([], delta=DELTA) == ComposedPrivacy().epsilon(delta=DELTA) == 0.0


@settings(max_examples=8, deadline=None)
@given(
    noise=st.floats(0.7, 8),
    rate=st.floats(0.005, 0.9),
    steps=st.integers(1, 200),
    more=st.floats(1.05, 2),
)
def test_more_noise_never_costs_more_and_more_steps_never_less(noise, rate, steps, more):
    here = epsilon([mechanism(noise, rate, steps)], delta=DELTA)
    assert epsilon([mechanism(noise * more, rate, steps)], delta=DELTA) <= here + 1e-6
    assert epsilon([mechanism(noise, rate, steps + 10)], delta=DELTA) >= here - 1e-6


@pytest.mark.parametrize(
    ("target", "rate", "steps"), [(3.0, 0.02, 1000), (8.0, 0.1, 60), (1.0, 0.25, 300), (8, 1.0, 10)]
)
def test_calibrated_noise_reaches_the_target_and_a_little_less_does_not(target, rate, steps):
    noise = calibrate_noise_multiplier(
        target_epsilon=target, delta=DELTA, sampling_rate=rate, steps=steps
    )
    assert noise == round(noise, 4)
    assert epsilon([mechanism(noise, rate, steps)], delta=DELTA) <= target
    assert epsilon([mechanism(noise - 2e-4, rate, steps)], delta=DELTA) > target


def test_an_impossible_target_is_refused():
    with pytest.raises(ConfigError, match="out of reach"):
        calibrate_noise_multiplier(target_epsilon=1e-6, delta=1e-12, sampling_rate=1.0, steps=9)


@pytest.mark.parametrize(
    ("target", "rate", "steps", "delta"),
    [(0, 0.1, 10, 1e-5), (1, 1.5, 10, 1e-5), (1, 0.1, -3, 1e-5), (1, 0.1, 10, 0.0), (1, 0.1, 9, 1)],
)
def test_numbers_that_are_no_mechanism_are_refused(target, rate, steps, delta):
    with pytest.raises(ConfigError):
        calibrate_noise_multiplier(
            target_epsilon=target, delta=delta, sampling_rate=rate, steps=steps
        )


@pytest.mark.parametrize(("noise", "rate", "steps"), GRID)
def test_renyi_divergences_are_those_of_dp_accounting_and_opacus(noise, rate, steps):
    from dp_accounting.rdp import rdp_privacy_accountant as google  # noqa: PLC0415
    from opacus.accountants.analysis import rdp as opacus  # noqa: PLC0415

    orders = (2, 3, 8, 64, 256)
    found = renyi_divergences(mechanism(noise, rate, steps), orders)
    theirs = google._compute_rdp_poisson_subsampled_gaussian(rate, noise, orders)
    others = opacus.compute_rdp(q=rate, noise_multiplier=noise, steps=steps, orders=orders)
    assert found == pytest.approx([steps * one for one in theirs], rel=1e-9, abs=1e-12)
    assert found == pytest.approx(list(others), rel=1e-6, abs=1e-9)


def test_a_description_survives_json_and_anyone_can_recompute_it():
    described = describe((mechanism(1.0, 0.02, 50), mechanism(1.5, 0.05, 20)), delta=DELTA)
    read = PrivacyDescription.model_validate_json(described.model_dump_json())
    check_description(read)
    by_prv = epsilon_by_prv(read.mechanisms, delta=read.delta)
    assert read.epsilon == pytest.approx(by_prv, rel=0.02)


def test_a_description_that_states_too_little_is_refused():
    described = describe((mechanism(1.0, 0.02, 50),), delta=DELTA)
    flattering = described.model_copy(update={"epsilon": described.epsilon * 0.9})
    with pytest.raises(EvidenceError, match="its mechanisms spend"):
        check_description(flattering)


def test_a_coordinator_accounts_without_torch():
    code = "import sys, fedclinic.privacy.accounting; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
