"""Replay: signed numbers follow from signed mechanisms and updates, or the entry is named."""

from contextlib import nullcontext

import numpy as np
import pytest

from fedclinic.digest import digest_bytes
from fedclinic.errors import DataError
from fedclinic.evidence.bundle import Bundle
from fedclinic.evidence.events import BudgetCommitted, PlanApproved, RoundAggregated, UpdateJudged
from fedclinic.evidence.findings import Severity
from fedclinic.evidence.replay import replay_epsilons, replay_heads, replay_states
from fedclinic.evidence.verify_log import Entry, open_log
from fedclinic.method_parts import LayerDropout
from fedclinic.methods import encode_state, make_method
from fedclinic.methods.configured import chosen_arms, chosen_dropouts, with_rewards
from fedclinic.privacy.accounting import epsilon
from fedclinic.rounds import RoundTask, SiteReport
from fedclinic.updates.codec import encode
from tests.fedclinic.evidence.factory import (
    MECHANISM,
    RUN,
    SITES,
    Scene,
    ledger_head,
    make_report,
    make_trust,
    seal,
)
from tests.fedclinic.evidence.run_factory import make_plan

SCHEMA = {"w": (3,)}
ALDER_2 = {"site": "alder", "round_number": 2}


def opened(bundle: Bundle) -> list[Entry]:
    return open_log(bundle, make_trust())[0]


def true_scene() -> Scene:
    """The factory's run with the epsilons that its mechanisms really spend."""
    scene = Scene()
    for round_number in (1, 2):
        spent = epsilon([MECHANISM] * round_number, delta=1e-5)
        for site in SITES:
            report = make_report(site, round_number)
            privacy = report.privacy.model_copy(update={"epsilon": spent})
            where = {"site": site, "round_number": round_number}
            scene = scene.changed(SiteReport, where, privacy=privacy)
    return scene


TRUE = true_scene()


def test_true_epsilons_are_replayed_in_silence():
    assert list(replay_epsilons(opened(seal(TRUE.envelopes())), RUN)) == []


def test_an_epsilon_that_its_mechanisms_do_not_give_is_found():
    report = TRUE.events[TRUE.index(SiteReport, **ALDER_2)]
    lower = report.privacy.model_copy(update={"epsilon": report.privacy.epsilon * 0.99})
    scene = TRUE.changed(SiteReport, ALDER_2, privacy=lower)
    findings = list(replay_epsilons(opened(seal(scene.envelopes())), RUN))
    assert [finding.check for finding in findings] == ["replay.epsilon"]
    assert "round 2, site alder" in findings[0].where


def test_a_round_that_is_not_accounted_for_is_found():
    report = TRUE.events[TRUE.index(SiteReport, **ALDER_2)]
    fewer = report.privacy.model_copy(update={"rounds": 1})
    scene = TRUE.changed(SiteReport, ALDER_2, privacy=fewer)
    findings = list(replay_epsilons(opened(seal(scene.envelopes())), RUN))
    assert "replay.rounds" in {finding.check for finding in findings}


def test_without_signed_charges_the_plans_mechanism_counts():
    events = [event for event in TRUE.events if not isinstance(event, BudgetCommitted)]
    assert list(replay_epsilons(opened(seal(Scene(events=events).envelopes())), RUN)) == []


def test_ledgers_that_grew_are_fine_and_rolled_back_ones_are_not():
    entries = opened(seal(TRUE.envelopes()))
    grown = {site: ledger_head(9, site) for site in SITES}
    assert list(replay_heads(entries, grown)) == []
    rolled = grown | {"birch": ledger_head(4, "birch"), "cedar": ledger_head(6, "fork")}
    found = list(replay_heads(entries, rolled))
    assert [finding.where for finding in found] == ["ledger of site birch", "ledger of site cedar"]
    assert {finding.severity for finding in found} == {Severity.FAILED}
    del grown["alder"]
    assert [finding.severity for finding in replay_heads(entries, grown)] == [Severity.UNVERIFIABLE]


CONFIGURED = {
    "name": "droppeft",
    "rate": 0.5,
    "configurator": {"arms": 3, "window_rounds": 2, "exploration_start": 0.4, "seed": 5},
}


def stored_run(**changes: object) -> tuple[Scene, dict[str, dict[str, np.ndarray]]]:
    """A run whose updates are kept, and whose states really follow from them."""
    plan = make_plan(sites=[{"name": site, "weight": 1.0} for site in SITES], quorum=2, **changes)
    method = make_method(plan.method, SITES)
    scene = Scene().changed(PlanApproved, {}, plan=plan.model_dump(mode="json"))
    state, generator, stored = method.init(SCHEMA), np.random.default_rng(0), {}
    for round_number in (1, 2):
        updates, rewards = {}, {}
        chosen = chosen_dropouts(plan.method, SITES, state, round_number)
        for arm in set(chosen_arms(plan.method, SITES, state, round_number).values()):
            rewards[str(arm)] = float(generator.standard_normal())
        for site in SITES:
            updates[site] = {"w": generator.standard_normal(3).astype(np.float32)}
            blob = digest_bytes(encode(updates[site], "F32"))
            stored[blob] = updates[site]
            where = {"site": site, "round_number": round_number}
            scene = scene.changed(UpdateJudged, where, update=blob)
            scene = scene.changed(RoundTask, where, dropout=chosen.get(site))
        after, _ = method.apply(state, updates, plan.weights())
        state = with_rewards(plan.method, state, after, rewards)
        scene = scene.changed(
            RoundAggregated,
            {"round_number": round_number},
            state_after=digest_bytes(encode_state(state)),
            rewards=rewards,
        )
    return scene, stored


def open_from(stored):
    def open_update(digest):
        if digest not in stored:
            raise DataError(f"update {digest} was not kept")
        return nullcontext(stored[digest])

    return open_update


def test_stored_updates_give_the_signed_states_bit_for_bit():
    scene, stored = stored_run()
    entries = opened(seal(scene.envelopes()))
    assert list(replay_states(entries, RUN, SCHEMA, open_from(stored))) == []


@pytest.mark.parametrize("bit", [1e-7, 1.0])
def test_a_state_that_does_not_follow_from_the_updates_is_found(bit):
    scene, stored = stored_run()
    entries = opened(seal(scene.envelopes()))
    first = next(iter(stored))
    altered = stored | {first: {"w": stored[first]["w"] + np.float32(bit)}}
    findings = list(replay_states(entries, RUN, SCHEMA, open_from(altered)))
    assert [finding.check for finding in findings] == ["replay.state"]
    assert "round 1" in findings[0].where


def test_an_update_that_was_not_kept_cannot_be_replayed_but_did_not_fail():
    scene, stored = stored_run()
    entries = opened(seal(scene.envelopes()))
    del stored[next(iter(stored))]
    findings = list(replay_states(entries, RUN, SCHEMA, open_from(stored)))
    assert [finding.severity for finding in findings] == [Severity.UNVERIFIABLE]


def replayed(scene: Scene, stored) -> list[tuple[str, str]]:
    findings = replay_states(opened(seal(scene.envelopes())), RUN, SCHEMA, open_from(stored))
    return [(finding.severity.value, finding.check) for finding in findings]


def test_what_a_configurator_chose_and_learnt_follows_from_the_states_and_stated_rewards():
    scene, stored = stored_run(method=CONFIGURED)
    tasks = [e for e in scene.events if isinstance(e, RoundTask)]
    assert len({task.dropout.rate for task in tasks if task.dropout}) > 1
    assert replayed(scene, stored) == []


def test_another_choice_or_reward_than_the_configurators_is_found():
    scene, stored = stored_run(method=CONFIGURED)
    other = LayerDropout(rate=0.123)
    assert replayed(scene.changed(RoundTask, ALDER_2, dropout=other), stored) == [
        ("failed", "replay.choice")
    ]
    assert replayed(scene.changed(RoundTask, ALDER_2, dropout=None), stored) == [
        ("failed", "replay.choice")
    ]
    second = {"round_number": 2}
    rewards = scene.events[scene.index(RoundAggregated, **second)].rewards
    better = {arm: value + number for number, (arm, value) in enumerate(rewards.items(), start=1)}
    for wrong, check in (
        (better, "replay.state" if len(better) > 1 else None),
        ({**rewards, "9": 1.0}, "replay.rewards"),
        ({**rewards, "-1": 1.0}, "replay.rewards"),
    ):
        found = replayed(scene.changed(RoundAggregated, second, rewards=wrong), stored)
        assert found == ([("failed", check)] if check else [])


def test_without_stated_rewards_a_configurator_cannot_be_replayed_but_did_not_fail():
    scene, stored = stored_run(method=CONFIGURED)
    older = scene.changed(RoundAggregated, {"round_number": 1}, rewards={})
    assert replayed(older, stored) == [("cannot verify", "replay.rewards")]


def test_a_dropout_that_no_configurator_chose_is_found():
    scene, stored = stored_run()
    asked = scene.changed(RoundTask, ALDER_2, dropout=LayerDropout(rate=0.5))
    assert replayed(asked, stored) == [("failed", "replay.choice")]
