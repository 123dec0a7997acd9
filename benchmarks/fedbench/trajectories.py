"""What is read from the curves of several seeds: when a target is met, and who is better."""

from collections.abc import Mapping, Sequence

from fedbench.results import Result
from fedbench.summary import Mean, Measured, mean_of


def best(result: Result) -> float:
    """The best accuracy of a run, at whichever round."""
    return max(point.metrics["accuracy"] for point in result.curve)


def work_until(result: Result, accuracy: float) -> float | None:
    """CPU seconds of training up to the first measured round that is as good; None if none is."""
    for point in result.curve:
        if point.metrics["accuracy"] >= accuracy:
            return point.cpu_seconds
    return None


def speed_up(
    ours: Mapping[int, Result], theirs: Mapping[int, Result], *, share: float
) -> Mean | None:
    """Their work over ours until `share` of their best, over seeds where both get there."""
    ratios = []
    for seed in sorted(ours.keys() & theirs.keys()):
        target = share * best(theirs[seed])
        own, other = work_until(ours[seed], target), work_until(theirs[seed], target)
        if own is not None and other is not None:
            ratios.append(other / own)
    return mean_of(ratios) if ratios else None


def final_perplexity(measured: Measured, arm: str) -> dict[int, float]:
    """Perplexity at the end, by seed."""
    return {
        seed: result.last().metrics["perplexity"]
        for seed, result in measured.by_seed(arm=arm).items()
    }


def relative_gain(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Mean | None:
    """1 - ours / theirs, seed by seed."""
    seeds = sorted(ours.keys() & theirs.keys())
    return mean_of([1 - ours[seed] / theirs[seed] for seed in seeds]) if seeds else None


def curve_of(
    results: Sequence[Result], metric: str, *, by_work: bool = False
) -> list[tuple[float, Mean]]:
    """Mean of a metric over seeds at every round that all measured, by round or by CPU seconds."""
    points = []
    for number in [point.round_number for point in results[0].curve]:
        here = [p for result in results for p in result.curve if p.round_number == number]
        if len(here) == len(results):
            place = mean_of([point.cpu_seconds for point in here]).value if by_work else number
            points.append((place, mean_of([point.metrics[metric] for point in here])))
    return points
