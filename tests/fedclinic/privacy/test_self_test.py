"""A wrong trainer cannot pass, the right one does: the self-test against every mistake we know."""

import numpy as np
import pytest

from fedclinic.errors import TrainingError
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.probe import canary, loud, make_site, released, silent
from fedclinic.privacy.production_trainer import production_trainer
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.privacy.self_test import (
    Check,
    SelfTest,
    check_noise,
    check_sampling,
    check_sensitivity,
    run_self_test,
)
from tests.fedclinic.privacy.broken_trainers import ALL, THIRTEEN, Loop

PRIVACY = PatientPrivacy(
    protection="patient_dp",
    target_epsilon=1.0,
    delta=1e-5,
    sampling_rate=0.3,
    steps_per_round=4,
    clipping_norm=0.5,
    expected_patients=10.0,
    noise_multiplier=1.0,
)


def stream(seed: int = 0) -> RandomStream:
    return RandomStream(seed.to_bytes(32, "big"))


def part_that_makes(check: str):
    if check.startswith("sensitivity"):
        return check_sensitivity
    return check_noise if "noise" in check else check_sampling


@pytest.mark.parametrize("seed", range(3))
def test_the_right_trainer_passes(seed):
    result = run_self_test(production_trainer, stream(seed))
    assert result.passed, result.failed()


@pytest.mark.parametrize("name", ALL)
def test_a_broken_trainer_is_caught_by_its_check(name):
    broken = ALL[name]
    checks = part_that_makes(broken.caught_by)(broken.train(), stream())
    assert broken.caught_by in {check.name for check in checks if not check.passed}


def test_thirteen_and_six_mistakes_are_known():
    assert len(THIRTEEN) == 13
    assert len(ALL) >= 13 + 6


def test_the_loop_of_the_broken_trainers_is_the_production_loop():
    patients = [canary(0), *(loud(seed, notes=1 + seed % 3, size=3.0) for seed in range(60))]
    sums = [
        released(trainer, make_site(patients, learning_rate=0.1), PRIVACY, stream())
        for trainer in (production_trainer, Loop())
    ]
    for ours, theirs in zip(*sums, strict=True):
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_trainer_that_stops_has_failed():
    def stops(site, privacy, stream, after_step):
        raise TrainingError("out of memory")

    result = run_self_test(stops, stream())
    assert not result.passed
    assert set(result.failed()) == {"sampling", "noise", "sensitivity"}


def test_a_trainer_that_does_nothing_has_failed():
    def idles(site, privacy, stream, after_step):
        for _ in range(privacy.steps_per_round):
            after_step()

    assert {"contribution", "rate", "noise, nobody"} <= set(run_self_test(idles, stream()).failed())


def test_a_value_that_is_not_a_number_never_passes():
    check = Check.model_construct(value=float("nan"), bound=1.0, kind="at most")
    assert not check.passed


def test_a_report_survives_its_encoding():
    result = run_self_test(Loop(), stream(5))
    assert SelfTest.model_validate_json(result.model_dump_json()) == result


def test_a_patient_without_gradient_changes_nothing_but_the_noise():
    sites = [make_site([silent()] * count) for count in (3, 4)]
    hushed = PRIVACY.model_copy(update={"noise_multiplier": 1e-9})
    for site in sites:
        for step in released(production_trainer, site, hushed, stream()):
            assert max(np.abs(v).max() for v in step.values()) < 1e-4
