"""The audit head, its verdict, and the order in which its secrets are told."""

import numpy as np
import pytest
import torch

from fedclinic.digest import digest_bytes
from fedclinic.errors import EvidenceError
from fedclinic.privacy.audit_coordinates import Coordinates, flip_coins
from fedclinic.privacy.audit_head import NO_CANARY, AuditHead, AuditTrace
from fedclinic.privacy.audit_verdict import Claim, Thresholds, judge, scores
from fedclinic.privacy.bookkeeping import BookKeeping
from fedclinic.privacy.commit_reveal import (
    Transcript,
    check_transcript,
    commit,
    count_right,
    guess,
    reveal,
)
from fedclinic.privacy.dp_step import noised_mean
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.privacy.production_trainer import production_trainer
from fedclinic.privacy.random_stream import RandomStream
from tests.fedclinic.privacy.broken_trainers import THIRTEEN, audited_run

THRESHOLDS = Thresholds(warn_p=1e-3, fail_p=1e-6, confidence=0.95)
CLAIMED = Mechanism(noise_multiplier=1.0, sampling_rate=0.05, steps=150)
CLAIM = Claim(CLAIMED, 4.18, 1e-5)


def stream(seed: int = 0) -> RandomStream:
    return RandomStream(seed.to_bytes(32, "big"))


def simulate(
    seed: int, *, noise: float = 1.0, rate: float = 0.05, size: float = 1.0, canaries: int = 1000
) -> tuple[Coordinates, np.ndarray]:
    """Coordinates as a trainer would leave them, drawn directly from its law."""
    rng = np.random.default_rng(seed)
    coins = rng.random(canaries) < 0.5
    joined = (rng.random((150, canaries)) < rate) * coins * size / np.sqrt(2)
    left = joined + noise * rng.normal(size=joined.shape)
    right = joined + noise * rng.normal(size=joined.shape)
    return Coordinates(left, right), coins


def test_the_right_mechanism_passes_over_twenty_seeds():
    verdicts = [judge(*simulate(seed), CLAIM, THRESHOLDS).verdict for seed in range(20)]
    assert verdicts.count("fail") == 0
    assert verdicts.count("pass") >= 19


@pytest.mark.parametrize(
    "wrong",
    [{"noise": 0.9}, {"noise": 0.0}, {"rate": 0.1}, {"size": 2.0}, {"noise": 1.1}],
    ids=str,
)
def test_another_mechanism_fails(wrong):
    assert judge(*simulate(1, **wrong), CLAIM, THRESHOLDS).verdict == "fail"


def test_the_production_trainer_passes_in_the_run():
    verdict = audited_run(production_trainer, stream(1), canaries=400, steps=100)
    assert verdict.verdict == "pass"
    assert verdict.epsilon_at_least < verdict.epsilon_claimed


@pytest.mark.parametrize("name", ["no noise", "clip 10 C", "note as unit"])
def test_a_gross_mistake_is_refuted_by_the_bound_alone(name):
    verdict = audited_run(THIRTEEN[name].train(), stream(2), canaries=400, steps=100)
    assert verdict.epsilon_at_least > verdict.epsilon_claimed
    assert verdict.verdict == "fail"


@pytest.mark.parametrize("name", ["noise x 0.9", "same seed every step", "rate 2 q"])
def test_a_fine_mistake_is_seen_in_the_run_by_conformance(name):
    verdict = audited_run(THIRTEEN[name].train(), stream(3), canaries=400, steps=100)
    assert verdict.conformance_p < THRESHOLDS.fail_p


def test_a_verdict_states_its_limits_and_what_it_could_have_refuted():
    verdict = judge(*simulate(0), CLAIM, THRESHOLDS)
    assert "proves nothing" in verdict.limits
    assert verdict.epsilon_refutable == pytest.approx(5.809, abs=1e-3)


def test_rounds_with_the_same_canaries_are_judged_together():
    first, coins = simulate(4)
    both = first.then(Coordinates(first.left[:10], first.right[:10]))
    assert both.left.shape == (160, len(coins))


class Audited(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Linear(3, 2)
        self.audit = AuditHead(8)

    def losses(self, features: torch.Tensor, canary_of_row: torch.Tensor) -> torch.Tensor:
        return self.body(features).square().sum(1) + self.audit(canary_of_row)


def test_a_canary_adds_the_clipping_norm_and_a_real_patient_nothing_to_the_head():
    model = Audited()
    engine = BookKeeping(model)
    features = torch.tensor([[0.0, 0, 0], [1, 2, 3], [3, 2, 1]])
    rows = torch.tensor([5, NO_CANARY, NO_CANARY])
    clipped = engine.clipped_sum(model.losses(features, rows), clipping_norm=0.5)
    trace = AuditTrace(clipping_norm=0.5, expected_patients=7.0)
    released = noised_mean(
        clipped.gradients,
        noise_multiplier=1e-9,
        clipping_norm=0.5,
        expected_patients=7.0,
        stream=stream(),
    )
    trace.record(released, prefix="audit.")
    expected = np.zeros(8)
    expected[5] = 1.0
    assert trace.coordinates().signal[0] == pytest.approx(expected, abs=1e-6)
    assert trace.coordinates().noise[0] == pytest.approx(np.zeros(8), abs=1e-6)


def test_a_batch_without_canaries_leaves_the_head_at_zero():
    model = Audited()
    rows = torch.full((2,), NO_CANARY)
    clipped = BookKeeping(model).clipped_sum(
        model.losses(torch.randn(2, 3), rows), clipping_norm=0.5
    )
    assert not clipped.gradients["audit.left.weight"].any()
    assert clipped.gradients["body.weight"].any()


def test_coins_are_fair_and_secret_to_their_stream():
    coins = flip_coins(10_000, stream()).coins
    assert 4800 < coins.sum() < 5200
    assert not np.array_equal(coins, flip_coins(10_000, stream(1)).coins)


@pytest.fixture
def transcript() -> tuple[Transcript, Coordinates, np.ndarray]:
    coordinates, coins = simulate(6, canaries=101)
    nonce = bytes(range(32))
    trained = (digest_bytes(coordinates.tobytes()),)
    guessed = guess(scores(coordinates, CLAIMED), 20)
    return (
        Transcript(commit(coins, nonce), trained, guessed, reveal(coins, nonce)),
        coordinates,
        coins,
    )


def test_kept_words_reveal_the_coins_and_count_the_guesses(transcript):
    told, coordinates, coins = transcript
    assert np.array_equal(check_transcript(told, [coordinates]), coins)
    counted = count_right(told.guessed, coins)
    assert counted.made == 40
    assert counted.right > 22


def test_coins_changed_after_training_are_detected(transcript):
    told, coordinates, coins = transcript
    other = coins.copy()
    other[3] = not other[3]
    changed = Transcript(
        told.committed, told.coordinates, told.guessed, reveal(other, bytes(range(32)))
    )
    with pytest.raises(EvidenceError, match="coins"):
        check_transcript(changed, [coordinates])


def test_coordinates_changed_after_they_were_logged_are_detected(transcript):
    told, coordinates, _ = transcript
    other = Coordinates(coordinates.left + 1e-6, coordinates.right)
    with pytest.raises(EvidenceError, match="coordinates"):
        check_transcript(told, [other])


def test_a_canary_guessed_twice_is_refused(transcript):
    told, coordinates, _ = transcript
    doubled = told.guessed.model_copy(update={"excluded": told.guessed.included})
    with pytest.raises(EvidenceError, match="twice"):
        check_transcript(
            Transcript(told.committed, told.coordinates, doubled, told.revealed), [coordinates]
        )


def test_a_commitment_without_a_full_nonce_is_refused():
    with pytest.raises(ValueError, match="nonce"):
        commit(np.array([True]), b"short")
