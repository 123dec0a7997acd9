"""What we promise patients: one sentence each, held by the code that production runs."""

from pathlib import Path

import numpy as np
import pytest

from fedclinic.errors import BudgetError, LedgerError, PolicyError
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.accounting import calibrate_noise_multiplier, epsilon
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.privacy.policy import check_promise
from fedclinic.privacy.probe import loud, make_site, released, silent
from fedclinic.privacy.production_trainer import production_trainer
from fedclinic.privacy.random_stream import RandomStream
from site_agent.ledger_file import LedgerFile

PLAN = PatientPrivacy(
    protection="patient_dp",
    target_epsilon=8.0,
    delta=1e-5,
    sampling_rate=0.1,
    steps_per_round=5,
    clipping_norm=0.5,
    expected_patients=10.0,
    noise_multiplier=1.0,
)
ROUND = PLAN.mechanism()


def stream(seed: int = 0) -> RandomStream:
    return RandomStream(seed.to_bytes(32, "big"))


def one_sum(patients: list) -> np.ndarray:
    """The released sum of a step that everybody joins, almost without noise, in units of C."""
    update = {"sampling_rate": 1.0, "steps_per_round": 1, "noise_multiplier": 1e-7}
    (step,) = released(
        production_trainer, make_site(patients), PLAN.model_copy(update=update), stream()
    )
    return np.concatenate([step[name].ravel() for name in sorted(step)])


@pytest.mark.parametrize("notes", [1, 5, 40])
def test_however_many_notes_a_patient_has_their_weight_in_a_step_is_the_same(notes):
    others = [loud(seed, size=0.3) for seed in range(12)]
    moved = one_sum([*others, loud(99, notes=notes, size=50.0)]) - one_sum(others)
    assert np.linalg.norm(moved) == pytest.approx(1.0, abs=1e-3)


def test_a_step_that_nobody_joins_is_as_noisy_as_any_other():
    for patients in ([], [silent()] * 30):
        for step in released(production_trainer, make_site(patients), PLAN, stream()):
            drawn = np.concatenate([values.ravel() for values in step.values()])
            assert 0.8 < drawn.std() < 1.2


def test_two_runs_never_use_the_same_noise():
    first, second = (
        released(production_trainer, make_site([]), PLAN, stream(seed))[0] for seed in (1, 2)
    )
    assert all((first[name] != second[name]).all() for name in first)


def test_a_run_spends_what_its_plan_promised_at_most():
    noise = calibrate_noise_multiplier(target_epsilon=3.0, delta=1e-5, sampling_rate=0.1, steps=50)
    rounds = [Mechanism(noise_multiplier=noise, sampling_rate=0.1, steps=5)] * 10
    assert epsilon(rounds, delta=1e-5) <= 3.0
    plan = PLAN.model_copy(update={"target_epsilon": 3.0, "noise_multiplier": noise})
    check_promise(plan, rounds[:9], rounds[9])
    with pytest.raises(PolicyError):
        check_promise(plan, rounds, rounds[0])


def test_a_round_that_would_overspend_never_starts(tmp_path: Path):
    ledger = LedgerFile.open(tmp_path / "ledger", site="st_elsewhere", clock=lambda: 1.7e9)
    ledger.add_cohort("2020", epsilon=1.0, delta=1e-5)
    before = ledger.head()
    with pytest.raises(BudgetError, match="cohort 2020"):
        ledger.reserve(
            run="run-a",
            round_number=1,
            cohorts=["2020"],
            mechanism=ROUND.model_copy(update={"steps": 5000}),
            plan_digest="sha256:" + "0" * 64,
        )
    assert ledger.head() == before


def test_what_was_spent_is_not_forgotten_when_a_site_restores_an_old_ledger(tmp_path: Path):
    path = tmp_path / "ledger"
    ledger = LedgerFile.open(path, site="st_elsewhere", clock=lambda: 1.7e9)
    ledger.add_cohort("2020", epsilon=8.0, delta=1e-5)
    witnessed = ledger.head()
    ledger.close()
    path.unlink()
    fresh = LedgerFile.open(path, site="st_elsewhere", clock=lambda: 1.7e9)
    with pytest.raises(LedgerError, match="older copy"):
        fresh.verify(witnessed)
