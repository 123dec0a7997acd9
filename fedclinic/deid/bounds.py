"""How sure a counted recall is: exact binomial bounds, and the estimate from two detectors."""

from fedclinic.records import Probability, Record


class Interval(Record):
    """A share between two bounds."""

    lower: float
    upper: float


def clopper_pearson(hits: int, trials: int, *, confidence: Probability) -> Interval:
    """Exact two-sided interval of a binomial share; everything is possible without trials.

    Source: Clopper and Pearson 1934.
    """
    from scipy.stats import beta  # noqa: PLC0415 - slow to load, and only an audit needs it

    if trials == 0:
        return Interval(lower=0.0, upper=1.0)
    tail = (1 - confidence) / 2
    lower = float(beta.ppf(tail, hits, trials - hits + 1)) if hits > 0 else 0.0
    upper = float(beta.ppf(1 - tail, hits + 1, trials - hits)) if hits < trials else 1.0
    return Interval(lower=lower, upper=upper)


def lower_bound(hits: int, trials: int, *, confidence: Probability) -> float:
    """Share that the true one exceeds with this confidence; one-sided, exact; 0 without trials.

    299 hits in 299 trials give 0.99 at a confidence of 0.95: (1 - confidence) ** (1 / trials).
    """
    return clopper_pearson(hits, trials, confidence=2 * confidence - 1).lower


def estimated_recall(*, both: int, first_only: int, second_only: int) -> float | None:
    """Share of all identifiers that two detectors find together, were they independent.

    Detectors miss the same difficult ones, so this is too high by one to three points: good for an
    alarm when it falls, no evidence of recall. None where both found nothing.
    Source: Chapman 1951, the nearly unbiased form of Lincoln and Petersen's estimate.
    """
    found = both + first_only + second_only
    if found == 0:
        return None
    first, second = both + first_only, both + second_only
    total = (first + 1) * (second + 1) / (both + 1) - 1
    return min(1.0, found / total)


def has_drifted(current: float, baseline: float, *, tolerance: float) -> bool:
    """Tell whether an estimate fell below its baseline by more than `tolerance`."""
    return current < baseline - tolerance
