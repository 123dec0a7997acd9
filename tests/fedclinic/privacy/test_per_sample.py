"""Engines against brute force: one backward pass a row, in float64."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fedclinic.errors import ModelError
from fedclinic.privacy.bookkeeping import BookKeeping
from fedclinic.privacy.opacus_hooks import OpacusHooks
from fedclinic.privacy.per_sample import PerSampleEngine
from fedclinic.privacy.row_by_row import RowByRow
from tests.fedclinic.privacy.models import (
    FAMILIES,
    Batch,
    losses_of,
    make_batch,
    make_model,
    train_adapters,
    train_all,
    train_top,
)

PATIENT_OF_ROW = torch.tensor([0, 1, 0, 2, 0])
ENGINES: dict[str, Callable[[nn.Module], PerSampleEngine]] = {
    "bookkeeping": BookKeeping,
    "opacus": OpacusHooks,
    "row_by_row": RowByRow,
}
REFUSED = {
    ("bookkeeping", "deberta", "all"),
    ("opacus", "deberta", "top"),
    ("opacus", "deberta", "adapters"),
    ("opacus", "deberta", "all"),
    ("opacus", "bert", "all"),
    ("opacus", "distilbert", "all"),
    ("opacus", "gpt2", "all"),
    ("opacus", "tied_llama", "all"),
}
"""What an engine cannot do it refuses; row by row does everything."""
PARTS = {"top": train_top, "adapters": train_adapters, "all": train_all}


def brute_force(
    model: nn.Module, batch: Batch, clipping_norm: float, owner: Tensor
) -> dict[str, Tensor]:
    """Clip each patient's gradient of the sum of its rows' losses, by the definition."""
    named = {n: p for n, p in model.named_parameters() if p.requires_grad}
    total = {n: torch.zeros_like(p) for n, p in named.items()}
    for patient in owner.unique():
        loss = sum(
            losses_of(
                model, Batch(batch.ids[i : i + 1], batch.mask[i : i + 1], batch.labels[i : i + 1])
            ).sum()
            for i in (owner == patient).nonzero().flatten().tolist()
        )
        grads = torch.autograd.grad(loss, list(named.values()), materialize_grads=True)
        norm = torch.cat([g.flatten() for g in grads]).norm()
        for name, g in zip(named, grads, strict=True):
            total[name] += g * min(1.0, clipping_norm / float(norm))
    return total


def relative_error(found: dict[str, Tensor], truth: dict[str, Tensor]) -> float:
    assert set(found) == set(truth)
    difference = sum(float((found[n] - truth[n]).square().sum()) for n in truth)
    return float((difference / sum(float(t.square().sum()) for t in truth.values())) ** 0.5)


def combinations() -> list[tuple[str, str, str]]:
    return [(e, f, p) for e in ENGINES for f in FAMILIES for p in PARTS]


@pytest.mark.parametrize("owner", [None, PATIENT_OF_ROW], ids=["rows", "patients"])
@pytest.mark.parametrize(
    ("engine", "family", "part"), [c for c in combinations() if c not in REFUSED]
)
def test_the_clipped_sum_equals_brute_force(engine, family, part, owner):
    model, batch = make_model(family), make_batch()
    PARTS[part](model)
    truth = brute_force(model, batch, 0.5, torch.arange(5) if owner is None else owner)
    found = ENGINES[engine](model).clipped_sum(
        losses_of(model, batch),
        clipping_norm=0.5,
        patient_of_row=owner,
        patients=None if owner is None else 3,
    )
    assert relative_error(found.gradients, truth) < 1e-5


@pytest.mark.parametrize(("engine", "family", "part"), sorted(REFUSED))
def test_an_engine_refuses_what_it_would_get_wrong(engine, family, part):
    model = make_model(family)
    PARTS[part](model)
    with pytest.raises(ModelError):
        ENGINES[engine](model).clipped_sum(losses_of(model, make_batch()), clipping_norm=0.5)
