"""A plan's constants mean what they say: weights, rates, digests and drafts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fedclinic.plan import FederationPlan, Optimizer
from tests.factories import make_plan, make_privacy, make_unprotected, plan_values


def rates(rounds: int, steps: int, **optimizer: object) -> list[list[float]]:
    planned = Optimizer.model_validate({"name": "sgd", "learning_rate": 0.5} | optimizer)
    return [
        planned.rates(round_number=number, rounds=rounds, steps=steps)
        for number in range(1, rounds + 1)
    ]


def test_a_constant_rate_is_the_same_at_every_step():
    assert rates(3, 2) == [[0.5, 0.5]] * 3


def test_a_linear_rate_falls_evenly_over_the_whole_run_towards_zero():
    assert rates(2, 2, decay="linear") == [[0.5, 0.375], [0.25, 0.125]]


@given(st.integers(1, 8), st.integers(1, 8))
def test_a_linear_rate_never_rises_and_never_reaches_zero(rounds, steps):
    values = [rate for part in rates(rounds, steps, decay="linear") for rate in part]
    assert len(values) == rounds * steps
    assert values[0] == 0.5
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(0.5 / (rounds * steps))


def test_weights_are_shares_that_add_up_to_one():
    assert make_plan().weights() == {"north": 0.25, "south": 0.75}


def test_equal_plans_have_equal_digests_and_any_change_another():
    digest = make_plan().digest()
    assert make_plan().digest() == digest
    changes = (
        {"rounds": 3},
        {"layers": {"top": 2}},
        {"task": plan_values()["task"] | {"labels": ["b", "a"]}},
        {"sites": [{"name": "south", "weight": 3}, {"name": "north", "weight": 1}]},
    )
    assert len({digest, *(make_plan(**change).digest() for change in changes)}) == 5


def test_a_draft_has_no_mechanism():
    with pytest.raises(ValueError, match="calibrate it first"):
        make_privacy(noise_multiplier=None).mechanism()


def test_evaluation_notes_are_beside_the_coordinator_or_at_an_agent_of_the_exchange():
    values = make_plan().model_dump(mode="json") | {"evaluation": {}}
    with pytest.raises(ValidationError, match="only with transport exchange"):
        FederationPlan.model_validate(values)
    plan = FederationPlan.model_validate(values | {"transport": {"kind": "exchange"}})
    assert plan.evaluation.site_config is None


def test_a_plan_says_whether_it_protects():
    assert make_plan().is_protected()
    assert not make_plan(privacy=make_unprotected().model_dump()).is_protected()


@pytest.mark.parametrize(
    "change",
    [
        {"target_epsilon": 0},
        {"delta": 0.01},
        {"delta": 0},
        {"sampling_rate": 0},
        {"sampling_rate": 1.1},
        {"clipping_norm": float("inf")},
        {"expected_patients": float("nan")},
        {"noise_multiplier": -1},
        {"steps_per_round": 0},
    ],
)
def test_constants_under_which_nobody_is_protected_are_refused(change):
    with pytest.raises(ValueError, match="PatientPrivacy"):
        make_privacy(**change)


@pytest.mark.parametrize(
    "name", ["", "North", "../north", "a/b", "a b", "-a", "a" * 64, "ä", "a.b", "a\n", "a\0"]
)
def test_a_name_that_could_not_be_a_file_is_refused(name):
    with pytest.raises(ValueError, match="pattern"):
        make_plan(federation=name)
