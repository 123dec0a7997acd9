"""Skip whole blocks at random while training; at inference every block runs (STLD).

Source: DropPEFT, arXiv 2503.10217. Stated: in each step a layer is dropped with a probability of
its own, and inference uses all layers. Our reading: a real skip and no rescaling, which a model
with post-layer normalisation has no room for; a step that would drop every block is drawn again; a
dropped block's gradient is None, so that no optimiser moves it; and with u = l / (L + 1) for the
l-th of L blocks, the rates are p (uniform), 2pu (incremental) and 2p(1 - u) (decay), each capped at
0.9 with the multiplier solved so that the mean stays p. Exact masks, with the same number of active
blocks in every step, are ours: they make peak memory known beforehand.

A mask depends on the plan and on random numbers, never on a note. Under differential privacy the
numbers come from the round's secret stream, and a skipped block gets the noise of all others.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from fedclinic.method_parts import MAX_DROP_RATE, LayerDropout, Shape

Mask = NDArray[np.bool_]
"""Shape (blocks,): true where a block runs."""


class Draws(Protocol):
    """Uniform random numbers in [0, 1): a site's secret stream, or a seeded generator."""

    def uniform(self, count: int) -> NDArray[np.float64]: ...


@dataclass(frozen=True)
class SeededDraws:
    """Repeatable numbers, for training without privacy."""

    generator: np.random.Generator

    def uniform(self, count: int) -> NDArray[np.float64]:
        return self.generator.random(count)


@dataclass(frozen=True)
class BlockSkipper:
    """A model's blocks and how often each is skipped."""

    blocks: Sequence[nn.Module]
    returns_pairs: bool
    dropout: LayerDropout | None

    @contextmanager
    def step(self, draws: Draws) -> Iterator[Mask]:
        """Skip a new choice of blocks inside; the mask is True where a block runs."""
        if self.dropout is None:
            yield np.ones(len(self.blocks), dtype=bool)
            return
        active = draw_mask(self.dropout, len(self.blocks), draws)
        with ExitStack() as undo:
            for block, runs in zip(self.blocks, active, strict=True):
                if not runs:
                    undo.enter_context(_skipped(block, self.returns_pairs))
            yield active


def draw_mask(dropout: LayerDropout, blocks: int, draws: Draws) -> Mask:
    """Draw which blocks run in one step; at least one does."""
    rates = drop_rates(dropout.shape, dropout.rate, blocks)
    if dropout.masks == "exact":
        return _draw_exactly(1 - rates, active_blocks(rates), draws)
    while True:
        active: Mask = draws.uniform(blocks) >= rates
        if active.any():
            return active


def drop_rates(shape: Shape, rate: float, blocks: int) -> NDArray[np.float64]:
    """Probability that each block is skipped, from the input to the output; their mean is `rate`.

    Each is at most 0.9: the weights (1, 2u or 2(1 - u)) are multiplied by what keeps the mean.
    """
    depth = np.arange(1, blocks + 1) / (blocks + 1)
    weights = {"uniform": np.ones(blocks), "incremental": 2 * depth, "decay": 2 * (1 - depth)}
    weight = weights[shape]

    def rates(multiplier: float) -> NDArray[np.float64]:
        return np.minimum(MAX_DROP_RATE, multiplier * weight)

    low, high = rate, MAX_DROP_RATE / float(weight.min())
    if float(rates(low).mean()) >= rate - 1e-12:
        return rates(low)
    for _ in range(60):  # halving finds it to the last bit
        middle = (low + high) / 2
        low, high = (middle, high) if float(rates(middle).mean()) < rate else (low, middle)
    return rates(high)


def active_blocks(rates: NDArray[np.float64]) -> int:
    """Blocks that run in every step under exact masks: the mean number, rounded, at least 1."""
    return max(1, round(float((1 - rates).sum())))


def _draw_exactly(chances: NDArray[np.float64], count: int, draws: Draws) -> Mask:
    """Draw `count` blocks whose chances are in the given ratios where none is certain.

    Systematic sampling in a random order (Madow 1949): each block's chance to run is exactly its
    share, and two blocks are never the same point.
    """
    shares = _shares(chances, count)
    active: Mask = np.zeros(len(chances), dtype=bool)
    order = np.argsort(draws.uniform(len(chances)), kind="stable")
    edges = np.cumsum(shares[order])
    points = (draws.uniform(1)[0] + np.arange(count)) * edges[-1] / count
    active[order[np.searchsorted(edges[:-1], points, side="right")]] = True
    return active


def _shares(chances: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Scale chances to add up to `count`, none above 1."""
    certain: Mask = np.zeros(len(chances), dtype=bool)
    while True:
        left = count - int(certain.sum())
        total = float(chances[~certain].sum())
        scaled = np.where(certain, 1.0, chances * (left / total) if total else 0.0)
        if (scaled <= 1 + 1e-12).all():
            return np.minimum(scaled, 1.0)
        certain |= scaled > 1


@contextmanager
def _skipped(block: nn.Module, returns_pair: bool) -> Iterator[None]:
    """Let a block hand its input on, without computing anything."""

    def forward(hidden: Tensor, *_: Any, **__: Any) -> Tensor | tuple[Tensor, None]:
        return (hidden, None) if returns_pair else hidden

    block.forward = forward
    try:
        yield
    finally:
        del block.forward
