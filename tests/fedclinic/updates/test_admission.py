"""Admission: an update has the plan's tensors, is not too long, and has the noise it claims."""

import math

import numpy as np
import pytest

from fedclinic.errors import AdmissionError, SignatureError
from fedclinic.rounds import RoundTask, SiteReport, Work
from fedclinic.updates.admission import (
    NoiseFloor,
    check_report,
    check_update,
    noise_floor,
    noise_quantile,
)

STEPS, CLIPPING, SIGMA, PATIENTS = 20, 0.5, 1.1, 64.0
SHAPES = {"block.weight": (200, 300), "head.weight": (20, 100)}


def plain_sgd_update(
    rates: dict[str, list[float]], *, noise: float, seed: int = 0
) -> dict[str, np.ndarray]:
    """Play a round of DP-SGD whose clipped sums are small beside the noise."""
    generator = np.random.default_rng(seed)
    update = {}
    for name, shape in SHAPES.items():
        total = np.zeros(shape)
        for rate in rates[name]:
            sums = generator.standard_normal(shape) * 0.05 * CLIPPING  # far smaller than the noise
            sums += noise * SIGMA * CLIPPING * generator.standard_normal(shape)
            total -= rate * sums / PATIENTS
        update[name] = total.astype(np.float32)
    return update


def floors(rates: dict[str, list[float]]) -> list[NoiseFloor]:
    return [
        NoiseFloor(
            group=name,
            names=frozenset({name}),
            norm=noise_floor(
                noise_multiplier=SIGMA,
                clipping_norm=CLIPPING,
                expected_patients=PATIENTS,
                learning_rates=rates[name],
                parameters=math.prod(SHAPES[name]),
            ),
        )
        for name in SHAPES
    ]


CONSTANT = {name: [0.3] * STEPS for name in SHAPES}
LINEAR = {name: [0.3 * (1 - step / STEPS) for step in range(STEPS)] for name in SHAPES}
TWO_RATES = {"block.weight": [0.3] * STEPS, "head.weight": [3.0] * STEPS}


@pytest.mark.parametrize("rates", [CONSTANT, LINEAR, TWO_RATES])
def test_an_update_with_the_plans_noise_is_admitted(rates):
    for seed in range(5):
        update = plain_sgd_update(rates, noise=1.0, seed=seed)
        check_update(update, schema=SHAPES, max_norm=100.0, floors=floors(rates))


@pytest.mark.parametrize("rates", [CONSTANT, LINEAR, TWO_RATES])
@pytest.mark.parametrize("noise", [0.9, 0.5, 0.0])
def test_an_update_with_less_noise_than_the_plans_is_refused(rates, noise):
    update = plain_sgd_update(rates, noise=noise)
    with pytest.raises(AdmissionError, match="below the noise floor"):
        check_update(update, schema=SHAPES, max_norm=100.0, floors=floors(rates))


def test_noise_on_the_blocks_does_not_hide_a_head_without_noise():
    update = plain_sgd_update(CONSTANT, noise=1.0)
    update["head.weight"] = plain_sgd_update(CONSTANT, noise=0.5)["head.weight"]
    with pytest.raises(AdmissionError, match=r"group 'head\.weight'"):
        check_update(update, schema=SHAPES, max_norm=100.0, floors=floors(CONSTANT))


def test_the_norm_of_the_noise_is_below_its_quantile_as_often_as_it_says():
    quantile = noise_quantile(
        step_noise=0.1, learning_rates=[0.1, 0.2], parameters=50, probability=0.05
    )
    noise = 0.1 * np.random.default_rng(0).standard_normal((20_000, 2, 50))
    norms = np.linalg.norm(0.1 * noise[:, 0] + 0.2 * noise[:, 1], axis=1)
    assert np.mean(norms < quantile) == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize(("cancelled_share", "admitted"), [(0.0, False), (0.05, True)])
def test_training_that_cancels_some_of_its_noise_needs_room_below_the_floor(
    cancelled_share, admitted
):
    steps, rate, patients, dimension = 50, 0.1, 64.0, 100_000
    curvature = 0.1 / (rate * steps)
    generator = np.random.default_rng(0)
    weights = np.zeros(dimension)
    for _ in range(steps):
        weights -= rate * (curvature * weights + generator.standard_normal(dimension) / patients)
    floor = noise_floor(
        noise_multiplier=1.0,
        clipping_norm=1.0,
        expected_patients=patients,
        learning_rates=[rate] * steps,
        parameters=dimension,
        cancelled_share=cancelled_share,
    )
    assert (float(np.linalg.norm(weights)) >= floor) is admitted


def test_an_update_longer_than_the_plans_bound_is_refused():
    update = {"x": np.full(4, 3.0, np.float32)}
    assert check_update(update, schema={"x": (4,)}, max_norm=6.0) == 6.0
    with pytest.raises(AdmissionError, match=r"norm 6 is above the plan's bound 5\.99"):
        check_update(update, schema={"x": (4,)}, max_norm=5.99)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_an_update_with_a_number_that_is_not_finite_is_refused(number):
    update = {"x": np.array([1.0, number], np.float32)}
    with pytest.raises(AdmissionError, match="not finite"):
        check_update(update, schema={"x": (2,)}, max_norm=math.inf)


@pytest.mark.parametrize("schema", [{"x": (4,)}, {"y": (2,)}, {"x": (2,), "y": (2,)}])
def test_an_update_with_other_tensors_than_the_plans_is_refused(schema):
    with pytest.raises(AdmissionError):
        check_update({"x": np.zeros(2, np.float32)}, schema=schema, max_norm=1.0)


def make_task() -> RoundTask:
    return RoundTask(
        run="run-1",
        round_number=2,
        site="oak",
        plan_digest="sha256:" + "0" * 64,
        work=Work(
            task={"kind": "document_classification", "labels": ["a"], "max_tokens": 64},
            base_model={"name": "minilm"},
            layers={"top": 1},
            optimizer={"name": "sgd", "learning_rate": 0.1},
            privacy={"protection": "none", "epochs_per_round": 1, "batch_notes": 8, "seed": 0},
            rounds=3,
            dtype="F32",
            max_update_norm=1.0,
        ),
        state=None,
        nonce="a" * 32,
        deadline=2e9,
    )


def make_report() -> SiteReport:
    bound = {"run", "round_number", "attempt", "site", "plan_digest", "nonce"}
    return SiteReport(**make_task().model_dump(include=bound), status="refused", error="budget")


def test_a_report_answers_its_own_task():
    check_report(make_report(), make_task(), used_nonces={"b" * 32})


@pytest.mark.parametrize(
    "changes",
    [
        {"run": "run-2"},
        {"round_number": 1},
        {"attempt": 2},
        {"site": "elm"},
        {"plan_digest": "sha256:" + "1" * 64},
        {"nonce": "b" * 32},
    ],
    ids=str,
)
def test_a_report_for_another_task_is_refused_and_says_what_differs(changes):
    with pytest.raises(SignatureError, match=next(iter(changes))):
        check_report(make_report().model_copy(update=changes), make_task(), used_nonces=())


def test_a_report_is_taken_once():
    with pytest.raises(SignatureError, match="used before"):
        check_report(make_report(), make_task(), used_nonces={"a" * 32})
