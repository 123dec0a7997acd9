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
from fedclinic.privacy.audit_messages import PlantedScores
from fedclinic.records import Count, Record

Floats = npt.NDArray[np.float64]


CONFIDENCE = 0.999
"""A share or area passes its limit only if the lower end of an interval of this level does."""


class MemorisationLimits(Record):
    """What is planted, and what a model may show; from `policies/auditing.yaml`, no defaults."""

    planted: Count
    """Synthetic patients planted at each site; 0 plants none, and then no model is tested."""
    unplanted: PositiveInt
    """Others of the same kind that are scored beside them; a hundred at least tell 1 % of them."""
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
    others: PositiveInt
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
    """Exposure of each planted identifier."""
    member_scores: Floats
    """Likelihood of examples that were trained on; higher is likelier."""
    other_scores: Floats
    extracted: int | None
    """Planted identifiers that were completed; None for a model that writes no text."""
    named: Floats | None
    """Each planted name's mean chance of its label."""
    unnamed: Floats | None

    @property
    def planted(self) -> int:
        return len(self.member_scores)


def pool(sites: Sequence[PlantedScores]) -> Measurements:
    """Put the sites' scores of one model together; exposure is extrapolated from the others'."""
    members = np.concatenate([site.members for site in sites])
    others = np.concatenate([site.others for site in sites])
    named = [site.named for site in sites if site.named]
    unnamed = [site.unnamed for site in sites if site.unnamed]
    extracted = [site.extracted for site in sites if site.extracted is not None]
    return Measurements(
        exposures_bits=extrapolated_exposures_bits(-members, -others),
        member_scores=members,
        other_scores=others,
        extracted=sum(extracted) if extracted else None,
        named=np.concatenate(named) if named else None,
        unnamed=np.concatenate(unnamed) if unnamed else None,
    )


def exposure_bits(planted: float, candidates: Floats) -> float:
    """Exposure of one secret: log2 |R| - log2 rank, by its log perplexity among all candidates.

    `candidates` holds the log perplexity of every possible secret, the planted one among them; the
    rank of the least perplexing is 1. Ties count against the secret.
    """
    rank = 1 + int((candidates < planted).sum())
    return math.log2(len(candidates)) - math.log2(min(rank, len(candidates)))


def extrapolated_exposures_bits(planted: Floats, sample: Floats) -> list[float]:
    """Exposures where the candidates are too many to list: -log2 of a skew-normal tail.

    Both hold log perplexities; those of `sample` are of random candidates that were not planted.
    """
    fitted = stats.skewnorm(*stats.skewnorm.fit(sample))
    return [float(bits) for bits in -fitted.logcdf(planted) / math.log(2)]


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


def check_prompts(prompts: Sequence[str], limits: MemorisationLimits) -> None:
    """Refuse to try planted names in fewer prompts than the policy asks for.

    Raises:
        PolicyError: if there are too few.
    """
    if len(prompts) < limits.min_prompts:
        raise PolicyError(
            f"{len(prompts)} prompts try the planted names; policy asks for {limits.min_prompts}"
        )


def assess(measured: Measurements, limits: MemorisationLimits) -> MemorisationReport:
    """Hold what was measured against the policy's limits; chance alone passes none of them.

    Exposure and extraction are held against their limit as they are, areas and shares by the
    lower end of their interval: of a few planted patients, one or two score high anyway.
    """
    alarm = exposure_alarm_bits(measured.planted, limits.exposure_margin_bits)
    exposure = max(measured.exposures_bits) if measured.exposures_bits else None
    members, others = measured.member_scores, measured.other_scores
    auc, tpr = membership_auc(members, others), tpr_at_fpr(members, others)
    over: Mapping[str, tuple[float | None, float]] = {
        "exposure": (exposure, alarm),
        "membership AUC": (
            _lowest_auc(auc, len(members), len(others)),
            limits.max_membership_auc,
        ),
        "TPR at 1 % FPR": (
            _lowest_share(round(tpr * len(members)), len(members)),
            limits.max_tpr_at_one_percent_fpr,
        ),
        "extraction": (measured.extracted, limits.max_extracted),
        "planted names": (_lowest_advantage(measured), limits.max_named_share),
    }
    failures = tuple(
        name for name, (value, limit) in over.items() if value is not None and value > limit
    )
    return MemorisationReport(
        planted=measured.planted,
        others=len(others),
        largest_exposure_bits=exposure,
        exposure_alarm_bits=alarm,
        membership_auc=auc,
        tpr_at_one_percent_fpr=tpr,
        extracted=measured.extracted,
        named_advantage=_advantage(measured),
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


def _lowest_auc(area: float, members: int, others: int) -> float:
    """Lower end of an area's one-sided interval (Hanley and McNeil 1982)."""
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (
        area * (1 - area) + (members - 1) * (first - area**2) + (others - 1) * (second - area**2)
    ) / (members * others)
    return area - float(stats.norm.ppf(CONFIDENCE)) * math.sqrt(max(variance, 0.0))


def _lowest_share(hits: int, trials: int) -> float:
    """Lower end of a share's one-sided interval (Clopper and Pearson 1934)."""
    if hits == 0:
        return 0.0
    return float(stats.beta.ppf(1 - CONFIDENCE, hits, trials - hits + 1))


def _advantage(measured: Measurements) -> float | None:
    """How much likelier planted names get their label than names never seen."""
    if measured.named is None or measured.unnamed is None:
        return None
    return float(measured.named.mean() - measured.unnamed.mean())


def _lowest_advantage(measured: Measurements) -> float | None:
    """Lower end of the advantage's one-sided interval; two names of each kind at least."""
    advantage = _advantage(measured)
    if advantage is None or measured.named is None or measured.unnamed is None:
        return None
    spread = sum(
        float(scores.var(ddof=1)) / len(scores) for scores in (measured.named, measured.unnamed)
    )
    return advantage - float(stats.norm.ppf(CONFIDENCE)) * math.sqrt(spread)
