"""Whether a model remembers planted identifiers: exposure, membership, extraction, and the gate.

Differential privacy bounds what any one patient changes; this measures what a model about to be
released gives away of synthetic identifiers that were planted for the purpose. It is a gate beside
the guarantee, not a proof. Works on scores: who computes them loads the model.

Sources: exposure, Carlini et al. 2019 (arXiv:1802.08232); membership at a low false positive rate,
Carlini et al. 2022 (arXiv:2112.03570).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveInt
from scipy import stats

from fedclinic.errors import PolicyError
from fedclinic.records import Count, Record

Floats = npt.NDArray[np.float64]


class MemorisationLimits(Record):
    """What a model may show at most; from `policies/auditing.yaml`, nothing has a default."""

    exposure_margin_bits: float = Field(ge=0)
    """Alarm at log2(k) + this over k planted identifiers: chance gives that to one in 2^margin."""
    max_membership_auc: float = Field(ge=0.5, le=1)
    max_tpr_at_one_percent_fpr: float = Field(ge=0.01, le=1)
    max_extracted: Count
    """Planted identifiers that greedy or beam search may complete."""
    min_prompts: PositiveInt
    """Prompts in which a planted name is tried, for token classifiers."""
    max_named_share: float = Field(ge=0, le=1)
    """Largest advantage of planted over unplanted names in being labelled, over the prompts."""


class MemorisationReport(Record):
    """What was measured; None where the kind of model does not allow the attack."""

    planted: PositiveInt
    largest_exposure_bits: float | None
    exposure_alarm_bits: float
    membership_auc: float
    tpr_at_one_percent_fpr: float
    extracted: int | None
    named_advantage: float | None
    verdict: Literal["pass", "fail"]
    failures: tuple[str, ...]


@dataclass(frozen=True)
class Measurements:
    """The raw outcomes of the attacks on one model."""

    exposures_bits: Sequence[float] | None
    """Exposure of each planted identifier; decoders."""
    member_scores: Floats
    """Likelihood of examples that were trained on; higher is likelier."""
    other_scores: Floats
    extracted: int | None
    named_advantage: float | None
    planted: int


def exposure_bits(planted: float, candidates: Floats) -> float:
    """Exposure of one secret: log2 |R| - log2 rank, by its log perplexity among all candidates.

    `candidates` holds the log perplexity of every possible secret, the planted one among them; the
    rank of the least perplexing is 1. Ties count against the secret.
    """
    rank = 1 + int((candidates < planted).sum())
    return math.log2(len(candidates)) - math.log2(min(rank, len(candidates)))


def extrapolated_exposure_bits(planted: float, sample: Floats) -> float:
    """Exposure where the candidates are too many to list: -log2 of a skew-normal tail.

    `sample` holds log perplexities of random candidates that were not planted.
    """
    shape, location, scale = stats.skewnorm.fit(sample)
    return float(-stats.skewnorm.logcdf(planted, shape, location, scale) / math.log(2))


def exposure_alarm_bits(planted: int, margin_bits: float) -> float:
    """The exposure that one of `planted` secrets reaches by chance once in 2^margin models."""
    return math.log2(planted) + margin_bits


def membership_auc(members: Floats, others: Floats) -> float:
    """Chance that a member scores higher than a non-member; ties count half (Mann-Whitney)."""
    ranks = stats.rankdata(np.concatenate([members, others]))
    wins = ranks[: len(members)].sum() - len(members) * (len(members) + 1) / 2
    return float(wins / (len(members) * len(others)))


def tpr_at_fpr(members: Floats, others: Floats, *, false_positive_rate: float = 0.01) -> float:
    """Share of members above the score that at most this share of non-members pass."""
    allowed = math.floor(false_positive_rate * len(others))
    threshold = np.sort(others)[::-1][allowed]
    return float((members > threshold).mean())


def greedy_completion(
    next_scores: Callable[[tuple[int, ...]], Floats], prompt: Sequence[int], length: int
) -> tuple[int, ...]:
    """Continue a prompt by the likeliest token each time."""
    return beam_completions(next_scores, prompt, length, beams=1)[0]


def beam_completions(
    next_scores: Callable[[tuple[int, ...]], Floats],
    prompt: Sequence[int],
    length: int,
    *,
    beams: int,
) -> list[tuple[int, ...]]:
    """The likeliest continuations that beam search finds, best first.

    `next_scores` maps tokens so far to the log probability of each next token.
    """
    kept: list[tuple[float, tuple[int, ...]]] = [(0.0, tuple(prompt))]
    for _ in range(length):
        grown = []
        for total, tokens in kept:
            scores = next_scores(tokens)
            for token in np.argsort(-scores, kind="stable")[:beams]:
                grown.append((total + float(scores[token]), (*tokens, int(token))))
        kept = sorted(grown, key=lambda pair: -pair[0])[:beams]
    return [tokens[len(prompt) :] for _, tokens in kept]


def count_extracted(
    next_scores: Callable[[tuple[int, ...]], Floats],
    planted: Sequence[tuple[Sequence[int], Sequence[int]]],
    *,
    beams: int,
) -> int:
    """Count planted (prompt, secret) pairs that greedy or beam search completes."""
    return sum(
        tuple(secret)
        in {
            greedy_completion(next_scores, prompt, len(secret)),
            *beam_completions(next_scores, prompt, len(secret), beams=beams),
        }
        for prompt, secret in planted
    )


def named_advantage(
    label_scores: Callable[[str], float],
    *,
    planted: Sequence[str],
    unplanted: Sequence[str],
    prompts: Sequence[str],
    limits: MemorisationLimits,
) -> float:
    """How much oftener planted names get their planted label than names never seen.

    Args:
        label_scores: chance that the model gives the planted label to the name in a text.
        planted: names planted under the label.
        unplanted: like names that were not.
        prompts: texts with one `{name}`.
        limits: asks for a number of prompts.

    Raises:
        PolicyError: for fewer prompts than the policy asks for.
    """
    if len(prompts) < limits.min_prompts:
        raise PolicyError(
            f"{len(prompts)} prompts try the planted names; policy asks for {limits.min_prompts}"
        )

    def mean(names: Sequence[str]) -> float:
        texts = [prompt.replace("{name}", name) for name in names for prompt in prompts]
        return float(np.mean([label_scores(text) for text in texts]))

    return mean(planted) - mean(unplanted)


def assess(measured: Measurements, limits: MemorisationLimits) -> MemorisationReport:
    """Hold what was measured against the policy's limits."""
    alarm = exposure_alarm_bits(measured.planted, limits.exposure_margin_bits)
    exposure = max(measured.exposures_bits) if measured.exposures_bits else None
    auc = membership_auc(measured.member_scores, measured.other_scores)
    tpr = tpr_at_fpr(measured.member_scores, measured.other_scores)
    over: Mapping[str, tuple[float | None, float]] = {
        "exposure": (exposure, alarm),
        "membership AUC": (auc, limits.max_membership_auc),
        "TPR at 1 % FPR": (tpr, limits.max_tpr_at_one_percent_fpr),
        "extraction": (measured.extracted, limits.max_extracted),
        "planted names": (measured.named_advantage, limits.max_named_share),
    }
    failures = tuple(
        name for name, (value, limit) in over.items() if value is not None and value > limit
    )
    return MemorisationReport(
        planted=measured.planted,
        largest_exposure_bits=exposure,
        exposure_alarm_bits=alarm,
        membership_auc=auc,
        tpr_at_one_percent_fpr=tpr,
        extracted=measured.extracted,
        named_advantage=measured.named_advantage,
        verdict="fail" if failures else "pass",
        failures=failures,
    )


def check_release(report: MemorisationReport) -> None:
    """Refuse to register a model that remembers.

    Raises:
        PolicyError: naming the measures that passed their limit.
    """
    if report.verdict == "fail":
        raise PolicyError(f"the model is not released: it fails on {', '.join(report.failures)}")
