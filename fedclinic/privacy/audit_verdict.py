"""Judge a run by its canaries: conformance to the claimed mechanism, and a lower bound on epsilon.

Adjacency: adding or removing one canary, which stands for one patient. It finds mistakes and
proves nothing: a site that means to deceive can noise the canaries' weights and nothing else.
Needs no torch: the coordinator and an auditor can judge again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import numpy as np
from pydantic import Field
from scipy import stats

from fedclinic.privacy.audit_coordinates import Bools, Coordinates, Floats
from fedclinic.privacy.audit_messages import LoggedGuesses
from fedclinic.privacy.commit_reveal import Transcript, check_transcript, count_right, guess
from fedclinic.privacy.lower_bounds import (
    gaussian_epsilon,
    largest_refutable_epsilon,
    steinke_epsilon,
)
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.records import Record

ABSTENTIONS = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Shares of the canaries that are guessed about; the confidence is split evenly over them."""

LIMITS = (
    "This audit finds mistakes of a trainer. It proves nothing: a bound below the claim does not "
    "confirm the claim, and a site that means to deceive can noise the canaries' weights alone."
)


@dataclass(frozen=True)
class Claim:
    """What the plan says of the steps that are judged."""

    mechanism: Mechanism
    epsilon: float
    delta: float


class Thresholds(Record):
    """When an audit warns and fails; from `policies/auditing.yaml`."""

    warn_p: float = Field(gt=0, lt=1)
    fail_p: float = Field(gt=0, lt=1)
    confidence: float = Field(gt=0.5, lt=1)


class AuditVerdict(Record):
    """The outcome of an audit, as it is signed and shown."""

    verdict: Literal["pass", "warn", "fail"]
    conformance_p: float
    """Smallest p-value times their number (Bonferroni): chance of so odd a run, if it was right."""
    p_values: dict[str, float]
    noise_multiplier_seen: float
    epsilon_claimed: float
    epsilon_at_least: float
    """The larger of both lower bounds, at the stated confidence."""
    epsilon_refutable: float
    """The largest claim that an audit of this size could have refuted."""
    canaries: int
    steps: int
    confidence: float
    limits: str = LIMITS

    def numbers(self) -> dict[str, float]:
        """What is signed and shown of the verdict, by name."""
        return {
            "epsilon_lower_bound": self.epsilon_at_least,
            "epsilon_claimed": self.epsilon_claimed,
            "largest_refutable_epsilon": self.epsilon_refutable,
            "conformance_p": self.conformance_p,
            "noise_multiplier_seen": self.noise_multiplier_seen,
            "canaries": self.canaries,
            "steps": self.steps,
        }


def judge(
    coordinates: Coordinates, coins: Bools, claim: Claim, thresholds: Thresholds
) -> AuditVerdict:
    """Compare what the canaries show with what the plan claims, as if guessed beforehand."""
    guessed = guess_from(coordinates, claim.mechanism)
    return _verdict(coordinates, coins, guessed, claim, thresholds)


def judge_transcript(
    transcript: Transcript, rounds: Sequence[Coordinates], claim: Claim, thresholds: Thresholds
) -> AuditVerdict:
    """Check who said what when, then judge a run by the guesses that were logged.

    Raises:
        EvidenceError: if the site or the coordinator did not keep its word.
    """
    coins = check_transcript(transcript, rounds)
    return _verdict(join(rounds), coins, transcript.guessed, claim, thresholds)


def join(rounds: Sequence[Coordinates]) -> Coordinates:
    """One run's coordinates from its rounds'; at least one."""
    return reduce(Coordinates.then, rounds)


def guess_from(coordinates: Coordinates, claimed: Mechanism) -> LoggedGuesses:
    """The guesses of the attack that is the best against what is claimed."""
    score = scores(coordinates, claimed)
    return guess(score, _guesses(max(ABSTENTIONS), len(score)))


def _verdict(
    coordinates: Coordinates,
    coins: Bools,
    guessed: LoggedGuesses,
    claim: Claim,
    thresholds: Thresholds,
) -> AuditVerdict:
    p_values = conformance(coordinates, coins, claim.mechanism)
    conformance_p = min(1.0, len(p_values) * min(p_values.values()))
    bound = epsilon_bound(guessed, coins, confidence=thresholds.confidence, delta=claim.delta)
    verdict: Literal["pass", "warn", "fail"] = "pass"
    if conformance_p < thresholds.warn_p:
        verdict = "warn"
    if conformance_p < thresholds.fail_p or bound > claim.epsilon:
        verdict = "fail"
    return AuditVerdict(
        verdict=verdict,
        conformance_p=conformance_p,
        p_values=p_values,
        noise_multiplier_seen=float(np.sqrt(np.mean(coordinates.noise**2))),
        epsilon_claimed=claim.epsilon,
        epsilon_at_least=bound,
        epsilon_refutable=largest_refutable_epsilon(len(coins), confidence=thresholds.confidence),
        canaries=len(coins),
        steps=len(coordinates.left),
        confidence=thresholds.confidence,
    )


def conformance(coordinates: Coordinates, coins: Bools, claimed: Mechanism) -> dict[str, float]:
    """Five tests, each exact or nearly so if the trainer does what `claimed` says."""
    noise, signal = coordinates.noise, coordinates.signal
    joined = signal[:, coins]
    sigma, rate, steps = claimed.noise_multiplier, claimed.sampling_rate, len(signal)
    sums = joined.sum(0)
    mean, variance = rate * steps, steps * (sigma**2 + rate * (1 - rate))
    surprise = (sums.mean() - mean) / math.sqrt(variance / len(sums))
    return {
        "noise": chi_square_p(np.concatenate([signal[:, ~coins].ravel(), noise.ravel()]), sigma),
        "serial": _serial_p(noise),
        "mean": 2 * float(stats.norm.sf(abs(surprise))),
        "variance": chi_square_p(sums - mean, math.sqrt(variance)),
        "mixture": _mixture_p(joined.ravel(), sigma, rate),
    }


def scores(coordinates: Coordinates, claimed: Mechanism) -> Floats:
    """Each canary's log likelihood ratio of in against out, shape (canaries,).

    sum_t log(1 - q + q exp((2 x_t - 1) / (2 sigma^2))).
    """
    rate, sigma = claimed.sampling_rate, claimed.noise_multiplier
    exponent = (2 * coordinates.signal - 1) / (2 * sigma**2)
    if rate == 1:
        return np.asarray(exponent.sum(0))
    return np.asarray(np.logaddexp(math.log1p(-rate), math.log(rate) + exponent).sum(0))


def epsilon_bound(
    guessed: LoggedGuesses, coins: Bools, *, confidence: float, delta: float
) -> float:
    """The best of both lower bounds over several numbers of guesses, Bonferroni-corrected."""
    each = 1 - (1 - confidence) / len(ABSTENTIONS)
    best = 0.0
    for share in ABSTENTIONS:
        guesses = count_right(guessed, coins, _guesses(share, len(coins)))
        for bound in (steinke_epsilon, gaussian_epsilon):
            best = max(best, bound(guesses, confidence=each, delta=delta))
    return best


def _guesses(share: float, canaries: int) -> int:
    """How many canaries are guessed in, and as many out, at a share of all."""
    return max(min(5, canaries // 2), int(share * canaries / 2))


def chi_square_p(residuals: Floats, scale: float) -> float:
    """Two-sided p-value of independent N(0, scale^2) residuals having the spread they have."""
    size = residuals.size
    total = float(np.square(residuals / scale).sum())
    return float(2 * min(stats.chi2.cdf(total, size), stats.chi2.sf(total, size)))


def _serial_p(noise: Floats) -> float:
    """Correlation of each step's noise with the last step's: reused seeds show here."""
    if len(noise) < 2:
        return 1.0
    spread = float(np.mean(noise**2))
    if spread == 0:
        return 0.0
    surprise = float((noise[1:] * noise[:-1]).sum()) / (spread * math.sqrt(noise[1:].size))
    return 2 * float(stats.norm.sf(abs(surprise)))


def _mixture_p(joined: Floats, sigma: float, rate: float) -> float:
    """Whether included canaries follow (1-q) N(0, sigma^2) + q N(1, sigma^2)."""
    test = stats.kstest(
        joined,
        lambda x: (1 - rate) * stats.norm.cdf(x, 0, sigma) + rate * stats.norm.cdf(x, 1, sigma),
    )
    return float(test.pvalue)
