"""Rounds with an audit's canaries: they show what the trainer did and change nothing of it."""

from dataclasses import replace

import numpy as np
import pytest

from fedclinic.learning.finetune import LocalRound, train_privately, with_canaries
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.accounting import epsilon
from fedclinic.privacy.audit_coordinates import Canaries, Coordinates, flip_coins
from fedclinic.privacy.audit_verdict import AuditVerdict, Claim, Thresholds, judge
from fedclinic.privacy.random_stream import RandomStream
from tests.factories import make_privacy
from tests.tiny_rounds import make_local_round, notes_of_windows, one_note_each

KEY = b"\x07" * 32
COINS = np.arange(12) % 3 != 1
DATA = {
    "documents": lambda: one_note_each(20),
    "tokens of several rows": notes_of_windows,
}
ALMOST_SILENT = make_privacy(sampling_rate=1.0, expected_patients=10.0, noise_multiplier=1e-7)


def audited(local: LocalRound, coins: np.ndarray, privacy: PatientPrivacy) -> LocalRound:
    return with_canaries(local, Canaries(coins), privacy)


def coordinates_of(local: LocalRound) -> Coordinates:
    assert local.audit is not None
    return local.audit.trace.coordinates()


@pytest.mark.parametrize("data", DATA)
def test_the_update_is_the_one_without_canaries_to_the_last_tensor(data):
    privacy = ALMOST_SILENT
    notes = replace(
        DATA[data](), notes_of_patient=tuple(own[:1] for own in DATA[data]().notes_of_patient)
    )
    alone = train_privately(make_local_round(notes, top=2), privacy, RandomStream(KEY))
    local = audited(make_local_round(notes, top=2), COINS, privacy)
    beside = train_privately(local, privacy, RandomStream(KEY))
    assert {n: v.shape for n, v in beside.items()} == {n: v.shape for n, v in alone.items()}
    for name, values in alone.items():
        assert np.allclose(beside[name], values, atol=1e-5), name


def test_a_canary_that_is_in_reads_one_at_every_step_it_joins_and_one_that_is_out_nothing():
    local = audited(make_local_round(one_note_each(6)), COINS, ALMOST_SILENT)
    train_privately(local, ALMOST_SILENT, RandomStream(KEY))
    for step in coordinates_of(local).signal:
        assert step == pytest.approx(COINS.astype(float), abs=1e-5)


def test_canaries_train_also_where_no_real_patient_joins():
    privacy = make_privacy(sampling_rate=1e-9, noise_multiplier=1e-7)
    local = audited(make_local_round(one_note_each(6)), COINS, privacy)
    train_privately(local, privacy, RandomStream(KEY))
    assert np.abs(coordinates_of(local).signal).max() < 1e-5


def verdict_of_a_run(claimed: PatientPrivacy, done: PatientPrivacy) -> AuditVerdict:
    """Train as `done` says and judge it as if `claimed` had been done."""
    coins = flip_coins(200, RandomStream(b"\x01" * 32)).coins
    local = audited(make_local_round(one_note_each(12)), coins, done)
    train_privately(local, done, RandomStream(KEY))
    mechanism = claimed.mechanism()
    claim = Claim(mechanism, epsilon([mechanism], delta=1e-5), 1e-5)
    thresholds = Thresholds(warn_p=1e-3, fail_p=1e-6, confidence=0.95)
    return judge(coordinates_of(local), coins, claim, thresholds)


def test_a_round_as_planned_passes_its_audit():
    plan = make_privacy(steps_per_round=30, noise_multiplier=1.0)
    verdict = verdict_of_a_run(plan, plan)
    assert verdict.verdict == "pass"
    assert verdict.steps == 30
    assert verdict.noise_multiplier_seen == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize(
    "done",
    [{"noise_multiplier": 0.9}, {"sampling_rate": 0.5}, {"clipping_norm": 0.5}],
    ids=["a tenth less noise", "twice the rate", "half the noise and clip"],
)
def test_a_round_that_did_something_else_fails_its_audit(done):
    plan = make_privacy(steps_per_round=30, noise_multiplier=1.0)
    other = plan.model_copy(update=done)
    if "clipping_norm" in done:
        other = other.model_copy(update={"noise_multiplier": 0.5})
    assert verdict_of_a_run(plan, other).verdict == "fail"


def test_coordinates_come_back_from_their_bytes_as_they_were_judged():
    local = audited(make_local_round(one_note_each(6)), COINS, ALMOST_SILENT)
    train_privately(local, ALMOST_SILENT, RandomStream(KEY))
    content = coordinates_of(local).tobytes()
    steps = ALMOST_SILENT.steps_per_round
    again = Coordinates.of_bytes(content, steps=steps, canaries=len(COINS))
    assert again.tobytes() == content
    assert again.signal == pytest.approx(coordinates_of(local).signal, abs=1e-6)
