"""A reward is a gain on the evaluation notes over the coordinator's own seconds."""

from pathlib import Path

import numpy as np
import pytest

from fedclinic.evidence.statement import open_record
from fedclinic.method_plan import configurator_of
from fedclinic.methods import ServerState
from fedclinic.methods.bandit import MEMORY, choose
from fedclinic.methods.configured import chosen_dropouts, with_rewards
from fedclinic.rounds import TASK_KIND, BudgetLeft, EvaluationReport, RoundTask
from flows.configurator import rewards_of_round
from flows.rounds import fold_in
from flows.run_store import SiteOutcome
from tests.factories import make_plan
from tests.flows.federations import COORDINATOR, SCHEMA, FakeSites, make_federation

BANDIT = {"kind": "bandit", "arms": 3, "window_rounds": 100, "exploration_start": 1.0}
PLAN = make_plan(method={"name": "droppeft", "rate": 0.3, "configurator": BANDIT})


def outcome(sites: FakeSites, site: str, seconds: float, **changes: object) -> SiteOutcome:
    trusted = {COORDINATOR.key_id: COORDINATOR.public}
    asked = open_record(sites.task(site), trusted, TASK_KIND, RoundTask)
    report = sites.report(asked, sites.honest_update(seed=len(site)), **changes)
    return SiteOutcome(site=site, verdict="admitted", report=report, seconds=seconds)


def measured(quality: dict[str, float]):
    """Evaluation by name: `before`, and one for each arm that was used."""

    def measure(state: ServerState, name: str) -> EvaluationReport:
        values = {"accuracy": quality[name]}
        return EvaluationReport(run="r", round_number=1, subject=name, notes=9, metrics=values)

    return measure


def totals(tmp_path: Path, outcomes, quality: dict[str, float]) -> np.ndarray:
    federation = make_federation(tmp_path, PLAN)
    before = federation.method.init(SCHEMA)
    after, _ = fold_in(federation, before, outcomes)
    rewards = rewards_of_round(federation, before, outcomes, measured(quality))
    learnt = with_rewards(PLAN.method, before, after, rewards)
    return learnt.memory[MEMORY]["total"]


@pytest.fixture
def sites(tmp_path: Path) -> FakeSites:
    return FakeSites(make_federation(tmp_path, PLAN))


@pytest.fixture
def arms(sites: FakeSites) -> dict[str, int]:
    """Two sites, of which one explores."""
    bandit = configurator_of(PLAN.method)
    assert bandit is not None
    memory = sites.federation.method.init(SCHEMA).memory[MEMORY]
    chosen = choose(memory, bandit, PLAN.site_names(), 1)
    assert len(set(chosen.values())) == 2
    return chosen


def test_an_arm_is_rewarded_by_gain_over_seconds(tmp_path, sites, arms):
    outcomes = (outcome(sites, "north", 2.0), outcome(sites, "south", 4.0))
    quality = {"before": 0.5, f"arm-{arms['north']}": 0.7, f"arm-{arms['south']}": 0.9}
    found = totals(tmp_path, outcomes, quality)
    assert found[arms["north"]] == pytest.approx(0.1 - 0.1)
    faster = (outcome(sites, "north", 1.0), outcome(sites, "south", 4.0))
    found = totals(tmp_path, faster, quality)
    assert found[arms["north"]] == pytest.approx(0.05)
    assert found[arms["south"]] == pytest.approx(-0.05)


def test_what_a_site_says_of_itself_is_no_part_of_a_reward(tmp_path, sites, arms):
    quality = {"before": 0.5, f"arm-{arms['north']}": 0.7, f"arm-{arms['south']}": 0.6}
    said = []
    poor = BudgetLeft(spent_epsilon=7.9, cap_epsilon=8.0, delta=1e-5)
    for words in ({}, {"budget": poor, "error": "data"}):
        outcomes = tuple(outcome(sites, site, 2.0, **words) for site in ("north", "south"))
        said.append(totals(tmp_path, outcomes, quality))
    np.testing.assert_array_equal(*said)


def test_an_arm_whose_site_was_not_admitted_learns_nothing(tmp_path, sites, arms):
    late = SiteOutcome(site="south", verdict="late")
    quality = {"before": 0.5, f"arm-{arms['north']}": 0.7}
    federation = make_federation(tmp_path, PLAN)
    before = federation.method.init(SCHEMA)
    outcomes = (outcome(sites, "north", 2.0), late)
    after, _ = fold_in(federation, before, outcomes)
    rewards = rewards_of_round(federation, before, outcomes, measured(quality))
    learnt = with_rewards(PLAN.method, before, after, rewards)
    assert learnt.memory[MEMORY]["count"][arms["south"]] == 0
    np.testing.assert_array_equal(learnt.change["head.bias"], after.change["head.bias"])


def test_every_site_is_asked_for_the_dropout_of_its_arm(sites, arms):
    asked = chosen_dropouts(PLAN.method, PLAN.site_names(), sites.federation.method.init(SCHEMA), 1)
    assert set(asked) == {"north", "south"}
    assert asked["north"] != asked["south"]


def test_without_a_configurator_nothing_is_measured(tmp_path):
    federation = make_federation(tmp_path)
    state = federation.method.init(SCHEMA)
    outcomes = (outcome(FakeSites(federation), "north", 4.0),)
    assert rewards_of_round(federation, state, outcomes, measured({})) == {}
