"""Checks 5 and 6: skipped layers are skipped, and how much memory a step needs."""

import math
import statistics
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch.autograd.graph import saved_tensors_hooks

from benchmarks.method_checks.local import BLOCKS, NOTES, make_round
from benchmarks.method_checks.verdict import Verdict, judge
from fedclinic.chosen_layers import Layers
from fedclinic.learning.finetune import row_losses, train_unprotected
from fedclinic.learning.layer_dropout import SeededDraws, active_blocks, draw_mask, drop_rates
from fedclinic.learning.local_optimizer import make_optimizer
from fedclinic.method_parts import LayerDropout, Training
from fedclinic.plan import Optimizer, Unprotected
from fedclinic.updates.codec import encode

DEEP, STEPS = 24, 100
ORDINARY = Unprotected(protection="none", epochs_per_round=1, batch_notes=8, seed=0)


def seeded() -> SeededDraws:
    return SeededDraws(np.random.default_rng(0))


def check_no_dropout() -> Verdict:
    """A rate of zero is plain training, to the bit."""
    plain = train_unprotected(make_round(Layers(top=3)), ORDINARY)
    training = Training(dropout=LayerDropout(rate=0.0))
    zero = train_unprotected(make_round(Layers(top=3), training=training), ORDINARY)
    same = encode(plain, "F32") == encode(zero, "F32")
    return judge("5 p = 0 is plain training", same, "updates of equal bytes" if same else "differ")


def check_untouched() -> Verdict:
    """Adam has no state of a block that was skipped in its only step, and does not move it."""
    local = make_round(Layers(top=BLOCKS), training=Training(dropout=LayerDropout(rate=0.5)))
    trained = dict(local.model.trained())
    before = {name: tensor.detach().clone() for name, tensor in trained.items()}
    optimizer = make_optimizer(Optimizer(name="adam", learning_rate=0.01), trained)
    optimizer.zero_grad(set_to_none=True)
    with local.skipper().step(seeded()) as active:
        row_losses(local, np.arange(NOTES), shares=torch.ones(NOTES)).sum().backward()
    optimizer.step()
    skipped = {f"encoder.layer.{n}." for n in np.flatnonzero(~active)}
    names = [name for name in trained if any(name.startswith(block) for block in skipped)]
    still = all(torch.equal(trained[name].detach(), before[name]) for name in names)
    stateless = not any(trained[name] in optimizer.state for name in names)
    numbers = f"{len(skipped)} of {BLOCKS} skipped, {len(names)} tensors"
    return judge("5 skipped blocks and their optimiser state", still and stateless, numbers)


def check_active() -> Iterator[Verdict]:
    """The mean of active blocks is L (1 - p); under Bernoulli masks the worst step has more."""
    for masks in ("bernoulli", "exact"):
        plan = LayerDropout.model_validate({"rate": 0.5, "masks": masks})
        draws = seeded()
        counts = [int(draw_mask(plan, DEEP, draws).sum()) for _ in range(STEPS)]
        expected = active_blocks(drop_rates("uniform", 0.5, DEEP))
        error = statistics.stdev(counts) / math.sqrt(STEPS)
        near = abs(statistics.mean(counts) - expected) <= 3 * error + 1e-9
        fits = max(counts) == expected if masks == "exact" else max(counts) > expected
        yield judge(
            f"5 active of {DEEP} blocks at rate 0.5, {masks}",
            near and fits,
            f"mean {statistics.mean(counts):.2f}, worst of {STEPS} steps {max(counts)}",
        )


def check_memory() -> Iterator[Verdict]:
    """What a step keeps for its backward pass, without and with half of the blocks skipped."""
    whole = kept_bytes(None, steps=1)[0]
    for masks in ("bernoulli", "exact"):
        dropout = LayerDropout.model_validate({"rate": 0.5, "masks": masks})
        kept = kept_bytes(dropout, steps=20)
        spread = max(kept) / statistics.mean(kept)
        good = spread < 1.001 if masks == "exact" else max(kept) <= whole
        yield judge(
            f"6 memory of activations at rate 0.5, {masks}",
            good,
            f"mean {statistics.mean(kept) / whole:.2f} and worst {max(kept) / whole:.2f} of "
            f"{whole / 1e6:.0f} MB without dropout",
        )


def kept_bytes(dropout: LayerDropout | None, *, steps: int) -> list[int]:
    """Bytes of the tensors that each step's forward pass saves, each storage counted once."""
    local = make_round(Layers(top=BLOCKS), training=Training(dropout=dropout))
    weights = {tensor.untyped_storage().data_ptr() for tensor in local.model.trunk.parameters()}
    skipper, draws, found = local.skipper(), seeded(), []
    for _ in range(steps):
        seen: dict[int, int] = {}

        def pack(tensor: torch.Tensor, seen: dict[int, int] = seen) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                seen[storage.data_ptr()] = storage.nbytes()
            return tensor

        with skipper.step(draws), saved_tensors_hooks(pack, lambda tensor: tensor):
            losses = row_losses(replace(local), np.arange(NOTES), shares=torch.ones(NOTES))
        found.append(sum(seen.values()))
        del losses
    return found
