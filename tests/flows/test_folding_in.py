"""Admitted updates become the next global model, by the plan's method and weights."""

import numpy as np
import pytest

from fedclinic.methods import decode_state, encode_state
from flows.rounds import fold_in, publish_state
from flows.run_store import SiteOutcome
from tests.factories import make_plan, plan_values
from tests.flows.federations import SCHEMA, FakeSites, make_federation, opened


def outcomes_of(sites: FakeSites, verdicts: dict[str, str]) -> tuple[SiteOutcome, ...]:
    found = []
    for number, (site, verdict) in enumerate(verdicts.items()):
        asked = opened(sites.federation, sites.task(site))
        report = sites.report(asked, sites.honest_update(seed=number))
        found.append(SiteOutcome(site=site, verdict=verdict, report=report))
    return tuple(found)


def test_admitted_updates_are_averaged_with_the_plans_weights(sites):
    outcomes = outcomes_of(sites, {"north": "admitted", "south": "admitted"})
    state, diagnostics = fold_in(sites.federation, sites.federation.method.init(SCHEMA), outcomes)
    north, south = sites.honest_update(seed=0), sites.honest_update(seed=1)
    for name in SCHEMA:
        expected = 0.25 * north[name] + 0.75 * south[name]
        assert np.allclose(state.change[name], expected, atol=1e-6)
    assert diagnostics.weights == {"north": 0.25, "south": 0.75}
    assert state.round_number == 1


@pytest.mark.parametrize("verdict", ["quarantined", "refused", "failed"])
def test_what_was_not_admitted_does_not_touch_the_model(sites, verdict):
    outcomes = outcomes_of(sites, {"north": "admitted", "south": verdict})
    state, diagnostics = fold_in(sites.federation, sites.federation.method.init(SCHEMA), outcomes)
    north = sites.honest_update(seed=0)
    assert all(np.allclose(state.change[name], north[name], atol=1e-6) for name in SCHEMA)
    assert diagnostics.weights == {"north": 1.0}


def test_a_state_survives_its_checkpoint_bit_by_bit(tmp_path):
    for method in ("fedavg", "local_only"):
        plan = make_plan(method={"name": method})
        sites = FakeSites(make_federation(tmp_path / method, plan))
        outcomes = outcomes_of(sites, {"north": "admitted", "south": "admitted"})
        start = sites.federation.method.init(SCHEMA)
        state, _ = fold_in(sites.federation, start, outcomes)
        again = decode_state(encode_state(state), like=start)
        assert encode_state(again) == encode_state(state)
        assert again.round_number == 1


def test_a_plan_that_keeps_sites_apart_gives_each_its_own_model(tmp_path):
    plan = make_plan(**plan_values(method={"name": "local_only"}))
    sites = FakeSites(make_federation(tmp_path, plan))
    outcomes = outcomes_of(sites, {"north": "admitted", "south": "admitted"})
    state, _ = fold_in(sites.federation, sites.federation.method.init(SCHEMA), outcomes)
    digests = {publish_state(sites.federation, state, site)[0] for site in ("north", "south")}
    assert len(digests) == 2
