"""An update carries the planned noise of its round and group, and a plan's bound allows it."""

import math

import numpy as np
import pytest

from fedclinic.errors import ConfigError
from fedclinic.updates.planned_noise import noise_floors
from flows.rounds import check_update_bound, work_of
from tests.factories import make_plan, make_unprotected
from tests.flows.federations import SCHEMA, FakeSites, answer, make_federation


@pytest.mark.parametrize("noise", [0.0, 0.5, 0.9])
def test_an_update_with_less_than_the_planned_noise_is_quarantined(sites, noise):
    outcome = answer(sites, sites.honest_update(noise=noise))
    assert outcome.verdict == "quarantined"
    assert "below the noise floor" in outcome.reason


def test_noise_on_the_blocks_does_not_excuse_a_head_without(sites):
    update = sites.honest_update()
    update["head.bias"] *= 0.5
    outcome = answer(sites, update)
    assert outcome.verdict == "quarantined"
    assert "group 'head' is below the noise floor" in outcome.reason


def test_a_plan_without_privacy_has_no_noise_floor(tmp_path):
    plan = make_plan(privacy=make_unprotected().model_dump())
    assert noise_floors(work_of(plan), SCHEMA, 1) == ()
    sites = FakeSites(make_federation(tmp_path, plan))
    tiny = {name: np.full(shape, 1e-6, dtype=np.float32) for name, shape in SCHEMA.items()}
    assert answer(sites, tiny).verdict == "admitted"


@pytest.mark.parametrize("optimizer", [{"name": "adam"}, {"name": "sgd", "momentum": 0.5}])
def test_an_optimiser_whose_noise_has_no_known_norm_has_no_floor(optimizer):
    plan = make_plan(optimizer={"learning_rate": 0.5} | optimizer)
    assert noise_floors(work_of(plan), SCHEMA, 1) == ()


def test_the_floor_follows_the_rates_of_its_round_and_group():
    optimizer = {"name": "sgd", "learning_rate": 0.5, "decay": "linear", "head_factor": 3.0}
    plan = make_plan(optimizer=optimizer)
    first = {floor.group: floor for floor in noise_floors(work_of(plan), SCHEMA, 1)}
    second = {floor.group: floor for floor in noise_floors(work_of(plan), SCHEMA, 2)}
    assert first["blocks"].names == {"block.weight"}
    assert first["head"].names == {"head.bias"}
    plain = {floor.group: floor.norm for floor in noise_floors(work_of(make_plan()), SCHEMA, 1)}
    rates = {n: plan.optimizer.rates(round_number=n, rounds=2, steps=3) for n in (1, 2)}
    for number, floors in ((1, first), (2, second)):
        scale = np.linalg.norm(rates[number]) / np.linalg.norm([0.5] * 3)
        assert floors["blocks"].norm == pytest.approx(scale * plain["blocks"])
        assert floors["head"].norm == pytest.approx(3 * scale * plain["head"])


def test_a_bound_below_the_planned_noise_is_refused_before_a_round():
    """sigma 2, C 1, B 4, three steps of rate 0.5: each parameter's noise is 0.433 a round."""
    parameters = sum(math.prod(shape) for shape in SCHEMA.values())
    noise = 2.0 / 4.0 * 0.5 * math.sqrt(3 * parameters)
    check_update_bound(make_plan(admission={"max_update_norm": 1.3 * noise}), SCHEMA)
    with pytest.raises(ConfigError, match=r"max_update_norm is .* raise it to"):
        check_update_bound(make_plan(admission={"max_update_norm": 0.9 * noise}), SCHEMA)


def test_without_noise_any_bound_is_the_plans_own_business():
    plan = make_plan(privacy=make_unprotected().model_dump(), admission={"max_update_norm": 1e-6})
    check_update_bound(plan, SCHEMA)
