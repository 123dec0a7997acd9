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
from fedclinic.methods import encode_state, make_method
from fedclinic.privacy.accounting import epsilon
from fedclinic.rounds import SiteReport
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


def stored_run() -> tuple[Scene, dict[str, dict[str, np.ndarray]]]:
    """A run whose updates are kept, and whose states really follow from them."""
    plan = make_plan(sites=[{"name": site, "weight": 1.0} for site in SITES], quorum=2)
    method = make_method(plan.method, SITES)
    scene = Scene().changed(PlanApproved, {}, plan=plan.model_dump(mode="json"))
    state, generator, stored = method.init(SCHEMA), np.random.default_rng(0), {}
    for round_number in (1, 2):
        updates = {}
        for site in SITES:
            updates[site] = {"w": generator.standard_normal(3).astype(np.float32)}
            blob = digest_bytes(encode(updates[site], "F32"))
            stored[blob] = updates[site]
            where = {"site": site, "round_number": round_number}
            scene = scene.changed(UpdateJudged, where, update=blob)
        state, _ = method.apply(state, updates, plan.weights())
        after = digest_bytes(encode_state(state))
        scene = scene.changed(RoundAggregated, {"round_number": round_number}, state_after=after)
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
