"""FedTLU: after averaging, only the most critical blocks keep their change.

Source: Park et al. 2024, "FedTLU: Federated Learning with Targeted Layer Updates", arXiv
2412.17692. Stated: blocks are scored after aggregation, the best are kept, the others are left as
they were. Our reading: a tensor's score is ||D|| / (sqrt(n) std(D)) = sqrt(1 + (mean / std)^2), D
its mean change of n elements; blocks of equal shapes compete; what is in no block (embeddings,
final norm, head) is always updated. Known weakness: the score is scale-free, so it rejects zero-
mean noise, ranks a constant shift high and cannot see a sign flip. The guarded variant, ours,
multiplies a block's score by how far the sites' changes of it agree, and averages every part of
the model without the sites that say the opposite of the others (`agreement`); a shift so large that
its score outweighs a lack of agreement is the norm bound's business.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from fedclinic.methods.agreement import agreeing_mean, agreement_of
from fedclinic.methods.method import (
    Method,
    RoundDiagnostics,
    ServerState,
    add_scaled,
    global_state,
    zeros,
)
from fedclinic.updates.aggregate import mean_by_senders, renormalise, tensors_norm
from fedclinic.updates.codec import Array, Tensors
from fedclinic.updates.layout import TensorSchema
from fedclinic.updates.shared import block_of, number_of

Blocks = Mapping[str, tuple[str, ...]]
"""The tensors of each block, by the block's name."""


Choice = Literal["critical", "random", "last"]


def fedtlu(
    *,
    server_learning_rate: float,
    keep: int,
    guarded: bool,
    choose: Choice = "critical",
    seed: int = 0,
) -> Method:
    """Make FedTLU that keeps the change of `keep` blocks of each group; enough keeps all.

    Args:
        choose: by score, or one of the paper's baselines: other blocks by `seed` in each round, or
            those nearest the output.
    """

    def init(schema: TensorSchema) -> ServerState:
        return ServerState(0, zeros(schema))

    def apply(
        state: ServerState, updates: Mapping[str, Tensors], weights: Mapping[str, float]
    ) -> tuple[ServerState, RoundDiagnostics]:
        mean = _guarded_mean(updates, weights) if guarded else mean_by_senders(updates, weights)
        shares = renormalise(updates, weights)
        blocks = blocks_of({name: tensor.shape for name, tensor in mean.items()})
        if choose == "critical":
            scores = {block: block_score(mean, names) for block, names in blocks.items()}
        else:
            scores = baseline_scores(blocks, choose, seed, state.round_number + 1)
        if guarded:
            scores = {
                block: (len(blocks[block]) + score) * agreement_of(updates, weights, blocks[block])
                for block, score in scores.items()
            }
        selected = select_blocks(blocks, scores, mean, keep)
        dropped = {name for block in blocks.keys() - selected for name in blocks[block]}
        kept = {name: tensor for name, tensor in mean.items() if name not in dropped}
        change = dict(state.change) | add_scaled(
            {name: state.change[name] for name in kept}, kept, server_learning_rate
        )
        diagnostics = RoundDiagnostics(
            round_number=state.round_number + 1,
            weights=shares,
            change_norm=server_learning_rate * tensors_norm(kept),
            selected=tuple(sorted(selected)),
        )
        return ServerState(state.round_number + 1, change), diagnostics

    return Method(init, apply, global_state)


def _guarded_mean(updates: Mapping[str, Tensors], weights: Mapping[str, float]) -> dict[str, Array]:
    """Average each block, and the rest, without the sites that say the opposite of the others."""
    names = {name: () for update in updates.values() for name in update}
    blocks = blocks_of(names)
    inside = {name for block in blocks.values() for name in block}
    rest = tuple(sorted(names.keys() - inside))
    return agreeing_mean(updates, weights, [*blocks.values(), *([rest] if rest else [])])


def blocks_of(schema: TensorSchema) -> dict[str, tuple[str, ...]]:
    """Find the numbered blocks in tensor names: `encoder.layer.3` in `encoder.layer.3.b`."""
    blocks: dict[str, list[str]] = defaultdict(list)
    for name in sorted(schema):
        block = block_of(name)
        if block is not None:
            blocks[block].append(name)
    return {block: tuple(names) for block, names in blocks.items()}


def tensor_score_excess(change: Array) -> float:
    """How far a score is above 1: sqrt(1 + r) - 1 = r / (sqrt(1 + r) + 1), r = (mean / std)^2.

    Scores differ in their fourth to seventh decimal, so the 1 is left out. A constant change has
    an infinite score, no change none; a tensor of one element has no spread and is not scored.
    """
    if change.size == 1:
        return 0.0
    mean, spread = float(change.mean(dtype=np.float64)), float(change.std(dtype=np.float64))
    if spread == 0:
        return 0.0 if mean == 0 else math.inf
    ratio = (mean / spread) ** 2
    return ratio / (math.sqrt(1 + ratio) + 1)


def block_score(change: Tensors, names: Sequence[str]) -> float:
    """Sum of the scores of a block's tensors, less 1 for each."""
    return math.fsum(tensor_score_excess(change[name]) for name in names)


def baseline_scores(
    blocks: Blocks, choose: Choice, seed: int, round_number: int
) -> dict[str, float]:
    """Scores that know nothing of the change: by lot, or by how near a block is to the output."""
    if choose == "last":
        return {block: float(number_of(block)) for block in blocks}
    drawn = {
        block: hashlib.sha256(f"{seed}:{round_number}:{block}".encode()).digest()
        for block in blocks
    }
    return {block: float(int.from_bytes(digest[:6], "big")) for block, digest in drawn.items()}


def select_blocks(
    blocks: Blocks, scores: Mapping[str, float], change: Tensors, keep: int
) -> frozenset[str]:
    """Take the `keep` best blocks of each group of equal shapes; ties go to the earlier name."""
    groups: dict[tuple[tuple[int, ...], ...], list[str]] = defaultdict(list)
    for block, names in blocks.items():
        groups[tuple(change[name].shape for name in names)].append(block)
    return frozenset(
        block
        for group in groups.values()
        for block in sorted(group, key=lambda block: (-scores[block], block))[:keep]
    )
