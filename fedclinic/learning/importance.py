"""Which blocks a site shares: those that its own notes move least (PTLS).

Source: DropPEFT, arXiv 2503.10217. Stated: layers with high gradients stay personal, the rest are
shared. Our reading: a block's importance is the mean norm of its gradient over the steps in which
it ran (over all steps, the drop rate would decide); the ceil(rho L) least important blocks are
shared, and the head always. Under differential privacy importance is the norm of the block's
*noised* change: post-processing, which costs nothing and tells nothing more.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping

import numpy as np
from torch import nn

from fedclinic.method_parts import Training
from fedclinic.updates.codec import Tensors
from fedclinic.updates.shared import block_of, number_of


class GradientWatch:
    """Adds up each block's gradient norm over the steps in which it had one."""

    def __init__(self) -> None:
        self._norms: dict[str, float] = defaultdict(float)
        self._steps: dict[str, int] = defaultdict(int)

    def step(self, trained: Mapping[str, nn.Parameter]) -> None:
        """Take the gradients of one step; a block that was skipped has none."""
        squared: dict[str, float] = defaultdict(float)
        for name, parameter in trained.items():
            block = block_of(name)
            if block is not None and parameter.grad is not None:
                squared[block] += float(parameter.grad.square().sum())
        for block, value in squared.items():
            self._norms[block] += math.sqrt(value)
            self._steps[block] += 1

    def importance(self, blocks: Collection[str]) -> dict[str, float]:
        """Mean gradient norm of each block; a block that never ran is the least important."""
        return {
            block: self._norms[block] / self._steps[block] if self._steps[block] else 0.0
            for block in blocks
        }


def noised_importance(change: Tensors) -> dict[str, float]:
    """Norm of each block's change, which under DP is noised already."""
    squared: dict[str, float] = defaultdict(float)
    for name, tensor in change.items():
        block = block_of(name)
        if block is not None:
            squared[block] += float(np.square(tensor, dtype=np.float64).sum())
    return {block: math.sqrt(value) for block, value in squared.items()}


def personal_blocks(importance: Mapping[str, float], training: Training) -> tuple[int, ...]:
    """Choose the blocks that stay at the site: always those of the plan, then the most important.

    Ties go to the block nearer the input, which is shared.
    """
    by_number = {number_of(block): value for block, value in importance.items()}
    fixed = by_number.keys() & set(training.personal)
    shared = min(math.ceil(training.share * len(by_number)), len(by_number) - len(fixed))
    ranked = sorted(by_number, key=lambda number: (number in fixed, by_number[number], number))
    return tuple(sorted(ranked[shared:]))
