"""A measurement over its seeds: the mean and a 95 % interval of it, or one number without any."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from fedbench.cell import Cell
from fedbench.results import Result


@dataclass(frozen=True)
class Mean:
    """The mean over seeds and half the width of its 95 % interval (Student's t)."""

    value: float
    half_width: float | None
    """None for one seed, of which no interval can be told."""
    seeds: int

    def show(self, *, scale: float = 1.0, digits: int = 3) -> str:
        text = f"{self.value * scale:.{digits}f}"
        if self.half_width is None:
            return text
        return f"{text} ± {self.half_width * scale:.{digits}f}"


def mean_of(values: Sequence[float]) -> Mean:
    """Summarise one number a seed; there has to be one."""
    mean = float(np.mean(values))
    if len(values) == 1:
        return Mean(mean, None, 1)
    spread = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Mean(mean, float(stats.t.ppf(0.975, len(values) - 1)) * spread, len(values))


@dataclass(frozen=True)
class Measured:
    """All results of one suite, each with the cell that it is of."""

    pairs: tuple[tuple[Cell, Result], ...]

    @classmethod
    def of(cls, results: Iterable[Result]) -> "Measured":
        return cls(tuple((result.read_cell(), result) for result in results))

    def arms(self) -> list[str]:
        return list(dict.fromkeys(cell.arm for cell, _ in self.pairs))

    def corpora(self) -> list[str]:
        return list(dict.fromkeys(cell.corpus.name for cell, _ in self.pairs))

    def by_seed(self, *, arm: str, **matching: object) -> dict[int, Result]:
        """Results of an arm by seed; `matching` are a corpus, or patients a hospital."""
        return {
            cell.seed: result
            for cell, result in self.pairs
            if cell.arm == arm and all(_part(cell, name) == v for name, v in matching.items())
        }

    def score(self, *, arm: str, **matching: object) -> Mean | None:
        """The main score of an arm at the end, over its seeds; None where nothing was run."""
        found = self.by_seed(arm=arm, **matching)
        return mean_of([main_score(result) for result in found.values()]) if found else None


def main_score(result: Result) -> float:
    """Strict F1 of entities, accuracy of documents, perplexity of next tokens."""
    metrics = result.last().metrics
    return next(metrics[name] for name in ("f1", "accuracy", "perplexity") if name in metrics)


def shares(ours: dict[int, Result], theirs: dict[int, Result]) -> Mean | None:
    """Our main score over theirs, seed by seed."""
    both = sorted(ours.keys() & theirs.keys())
    if not both:
        return None
    return mean_of([main_score(ours[seed]) / main_score(theirs[seed]) for seed in both])


def show(mean: Mean | None, *, scale: float = 1.0, digits: int = 3) -> str:
    return "not run" if mean is None else mean.show(scale=scale, digits=digits)


def bytes_a_round(result: Result) -> tuple[float, float]:
    """Mean bytes up and down of one site in one round."""
    last = result.last()
    turns = len(result.patients) * last.round_number
    return last.bytes_up / turns, last.bytes_down / turns


def _part(cell: Cell, name: str) -> object:
    return cell.corpus.name if name == "corpus" else getattr(cell, name)
