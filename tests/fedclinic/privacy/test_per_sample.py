"""Engines against brute force: one backward pass a row, in float64."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from fedclinic.errors import ModelError
from fedclinic.privacy.bookkeeping import BookKeeping
from fedclinic.privacy.engines import make_engine
from fedclinic.privacy.layer_gradients import _gram_norms
from fedclinic.privacy.opacus_ghost import OpacusGhost
from fedclinic.privacy.opacus_hooks import OpacusHooks
from fedclinic.privacy.per_sample import Patients, PerSampleEngine
from fedclinic.privacy.row_by_row import RowByRow
from tests.fedclinic.privacy.models import (
    FAMILIES,
    Batch,
    losses_of,
    make_batch,
    make_model,
    train_adapters,
    train_all,
    train_biases,
    train_top,
)

PATIENT_OF_ROW = torch.tensor([0, 1, 0, 2, 0])
ENGINES: dict[str, Callable[[nn.Module], PerSampleEngine]] = {
    "bookkeeping": BookKeeping,
    "opacus": OpacusHooks,
}
REFERENCES: dict[str, Callable[[nn.Module], PerSampleEngine]] = {
    "functorch": partial(OpacusHooks, functorch=True),
    "ghost": OpacusGhost,
}
"""Held to the same sums on one family of each kind of layer."""
REFUSED = {
    ("bookkeeping", "deberta", "all"),
    ("opacus", "deberta", "top"),
    ("opacus", "deberta", "biases"),
    ("opacus", "deberta", "adapters"),
    ("opacus", "deberta", "all"),
    ("opacus", "bert", "all"),
    ("opacus", "distilbert", "all"),
    ("opacus", "gpt2", "all"),
    ("opacus", "tied_llama", "all"),
}
"""What an engine cannot do it refuses; row by row does everything."""
EVERYTHING = [(f, p) for f in ("bert", "deberta", "tied_llama") for p in ("top", "all")]
PARTS = {
    "top": train_top,
    "biases": train_biases,
    "adapters": train_adapters,
    "all": train_all,
}


def brute_force(
    model: nn.Module, batch: Batch, clipping_norm: float, owner: Tensor
) -> dict[str, Tensor]:
    """Clip each patient's gradient of the sum of its rows' losses, by the definition."""
    named = {n: p for n, p in model.named_parameters() if p.requires_grad}
    total = {n: torch.zeros_like(p) for n, p in named.items()}
    for patient in owner.unique():
        loss = sum(
            losses_of(model, batch.rows(slice(i, i + 1))).sum()
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
        None if owner is None else Patients.of(owner, 3),
        clipping_norm=0.5,
    )
    assert relative_error(found.gradients, truth) < 1e-5


@pytest.mark.parametrize("part", ["top", "biases", "adapters"])
@pytest.mark.parametrize("family", ["bert", "gpt2", "llama"])
@pytest.mark.parametrize("reference", REFERENCES)
def test_the_references_equal_brute_force_too(reference, family, part):
    model, batch = make_model(family), make_batch()
    PARTS[part](model)
    truth = brute_force(model, batch, 0.5, torch.arange(5))
    found = REFERENCES[reference](model).clipped_sum(losses_of(model, batch), clipping_norm=0.5)
    assert relative_error(found.gradients, truth) < 1e-5


def test_ghost_clipping_refuses_what_norms_of_rows_cannot_tell():
    model = make_model("bert")
    train_top(model)
    ghost = OpacusGhost(model)
    with pytest.raises(ModelError, match="patients of one row"):
        ghost.clipped_sum(
            torch.ones(5, requires_grad=True), Patients.of(PATIENT_OF_ROW, 3), clipping_norm=0.5
        )
    with pytest.raises(ModelError, match="not finite"):
        ghost.clipped_sum(float("inf") * losses_of(model, make_batch()), clipping_norm=0.5)
    assert not any(value.any() for value in ghost.empty().gradients.values())
    ghost.detach()


@pytest.mark.parametrize("name", ["book_keeping", "opacus_hooks", "opacus_functorch"])
def test_an_engine_of_any_name_leaves_the_sum_the_same(name):
    model, batch = make_model("bert"), make_batch()
    train_top(model)
    truth = brute_force(model, batch, 0.5, PATIENT_OF_ROW)
    found = make_engine(name, model).clipped_sum(
        losses_of(model, batch), Patients.of(PATIENT_OF_ROW, 3), clipping_norm=0.5
    )
    assert relative_error(found.gradients, truth) < 1e-5


def test_opacus_refuses_to_go_on_after_an_abandoned_forward_pass():
    model = make_model("bert")
    train_top(model)
    wrapped = OpacusHooks(model)
    losses_of(model, make_batch(seed=9))
    with pytest.raises(ModelError, match="abandoned"):
        wrapped.clipped_sum(losses_of(model, make_batch()), clipping_norm=0.4)


def test_opacus_refuses_a_model_in_evaluation_mode():
    model = make_model("bert")
    train_top(model)
    wrapped = OpacusHooks(model.eval())
    with pytest.raises(ModelError, match="training mode"):
        wrapped.clipped_sum(losses_of(model, make_batch()), clipping_norm=0.4)


@pytest.mark.parametrize(("family", "part"), EVERYTHING)
def test_row_by_row_equals_brute_force_patient_by_patient(family, part):
    model, batch = make_model(family), make_batch()
    PARTS[part](model)
    wrapped = RowByRow(model)
    total = wrapped.empty()
    for patient in range(3):
        rows = batch.rows(patient == PATIENT_OF_ROW)
        losses = losses_of(model, rows)
        alone = Patients.of(torch.zeros(len(losses), dtype=torch.long), 1)
        total = total.plus(wrapped.clipped_sum(losses, alone, clipping_norm=0.5))
    truth = brute_force(model, batch, 0.5, PATIENT_OF_ROW)
    assert relative_error(total.gradients, truth) < 1e-12


def test_row_by_row_takes_one_patient_a_batch():
    model = make_model("bert")
    with pytest.raises(ModelError, match="one patient a batch"):
        RowByRow(model).clipped_sum(losses_of(model, make_batch()), clipping_norm=0.5)


@pytest.fixture(params=ENGINES)
def engine(request):
    model = make_model("bert")
    train_top(model)
    return model, ENGINES[request.param](model)


def test_physical_batches_of_any_size_give_the_same_sum(engine):
    model, wrapped = engine
    batch = make_batch(rows=7)
    whole = wrapped.clipped_sum(losses_of(model, batch), clipping_norm=0.4)
    for size in (1, 2, 3):
        total = wrapped.empty()
        for start in range(0, 7, size):
            part = batch.rows(slice(start, start + size))
            total = total.plus(wrapped.clipped_sum(losses_of(model, part), clipping_norm=0.4))
        assert relative_error(total.gradients, whole.gradients) < 1e-12
        assert total.clipped == whole.clipped


def test_no_patient_moves_the_sum_by_more_than_the_clipping_norm(engine):
    model, wrapped = engine
    for row in range(5):
        one = make_batch().rows(slice(row, row + 1))
        alone = wrapped.clipped_sum(1e4 * losses_of(model, one), clipping_norm=0.3)
        norm = torch.cat([g.flatten() for g in alone.gradients.values()]).norm()
        assert float(norm) == pytest.approx(0.3, rel=1e-6)
        assert alone.clipped == 1


def test_several_notes_of_a_patient_move_the_sum_by_one_clipping_norm(engine):
    model, wrapped = engine
    together = wrapped.clipped_sum(
        1e4 * losses_of(model, make_batch()),
        Patients.of(torch.zeros(5, dtype=torch.long), 1),
        clipping_norm=0.3,
    )
    norm = torch.cat([g.flatten() for g in together.gradients.values()]).norm()
    assert float(norm) == pytest.approx(0.3, rel=1e-6)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_patient_whose_gradient_is_not_finite_contributes_zero(engine, poison):
    model, wrapped = engine
    batch = make_batch()
    factors = torch.ones(5, dtype=torch.float64)
    factors[2] = poison
    found = wrapped.clipped_sum(factors * losses_of(model, batch), clipping_norm=0.4)
    others = batch.rows(torch.tensor([0, 1, 3, 4]))
    truth = wrapped.clipped_sum(losses_of(model, others), clipping_norm=0.4)
    assert found.non_finite == 1
    assert relative_error(found.gradients, truth.gradients) < 1e-12


def test_the_empty_sum_is_zero_for_every_trainable_parameter(engine):
    model, wrapped = engine
    empty = wrapped.clipped_sum(torch.zeros(0, requires_grad=True), clipping_norm=1.0)
    expected = {n: p.shape for n, p in model.named_parameters() if p.requires_grad}
    assert {n: g.shape for n, g in empty.gradients.items()} == expected
    assert not any(g.any() for g in empty.gradients.values())


def test_a_layer_that_was_skipped_has_a_zero_sum_and_not_the_last_steps(engine):
    model, wrapped = engine
    wrapped.clipped_sum(losses_of(model, make_batch()), clipping_norm=1.0)
    skipped = model.bert.encoder.layer[1].forward
    model.bert.encoder.layer[1].forward = lambda hidden, *_, **__: hidden
    found = wrapped.clipped_sum(losses_of(model, make_batch(seed=3)), clipping_norm=1.0)
    model.bert.encoder.layer[1].forward = skipped
    for name, gradient in found.gradients.items():
        assert bool(gradient.any()) == name.startswith("classifier")


def test_a_forward_pass_that_was_abandoned_leaves_nothing_behind():
    model, batch = make_model("bert"), make_batch()
    train_top(model)
    wrapped = BookKeeping(model)
    clean = wrapped.clipped_sum(losses_of(model, batch), clipping_norm=0.4)
    losses_of(model, make_batch(seed=9))
    with torch.no_grad():
        losses_of(model, make_batch(seed=8))
    again = wrapped.clipped_sum(losses_of(model, batch), clipping_norm=0.4)
    assert relative_error(again.gradients, clean.gradients) < 1e-12


def test_an_engine_leaves_the_optimisers_gradients_alone(engine):
    model, wrapped = engine
    for parameter in model.classifier.parameters():
        parameter.grad = torch.full_like(parameter, 3.0)
    wrapped.clipped_sum(losses_of(model, make_batch()), clipping_norm=0.4)
    assert all((p.grad == 3.0).all() for p in model.classifier.parameters())


def test_a_detached_model_trains_as_if_nothing_had_been_there(engine):
    model, wrapped = engine
    batch = make_batch()
    wrapped.clipped_sum(losses_of(model, batch), clipping_norm=0.4)
    wrapped.detach()
    losses_of(model, batch).sum().backward()
    untouched = make_model("bert")
    train_top(untouched)
    losses_of(untouched, batch).sum().backward()
    for (name, p), (_, q) in zip(
        model.named_parameters(), untouched.named_parameters(), strict=True
    ):
        assert (p.grad is None) == (q.grad is None), name
        assert p.grad is None or torch.allclose(p.grad, q.grad)


@pytest.mark.parametrize("owner", [[0, 1, 2], [0, 3, 1], [0, -1, 1]])
def test_patient_numbers_that_do_not_fit_the_rows_are_refused(engine, owner):
    model, wrapped = engine
    with pytest.raises(ValueError, match="patient"):
        wrapped.clipped_sum(
            losses_of(model, make_batch()), Patients.of(torch.tensor(owner), 3), clipping_norm=0.4
        )


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_under_bf16_the_bound_still_holds_in_float32(family):
    model = make_model(family, dtype=torch.float32)
    train_top(model)
    wrapped = BookKeeping(model)
    with torch.autocast("cpu", torch.bfloat16):
        found = wrapped.clipped_sum(1e3 * losses_of(model, make_batch(1)), clipping_norm=0.3)
    assert {g.dtype for g in found.gradients.values()} == {torch.float32}
    norm = torch.cat([g.flatten() for g in found.gradients.values()]).norm()
    assert float(norm) == pytest.approx(0.3, rel=1e-5)


def test_ghost_and_instantiated_norms_agree_and_ghost_never_falls_short():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 9, 4, generator=generator)
    g = torch.randn(6, 9, 5, generator=generator)
    truth = torch.linalg.matrix_norm(g.double().mT @ x.double()).square()
    ghost = _gram_norms(x, g).double()
    assert torch.allclose(ghost, truth, rtol=1e-5)
    assert (ghost >= truth).all()


def test_a_parameter_without_a_layer_is_refused():
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))

    with pytest.raises(ModelError, match="no per-patient gradient is known"):
        BookKeeping(Bare())


def test_a_norm_that_only_looks_like_one_is_refused():
    class FakeRMSNorm(nn.RMSNorm):
        def forward(self, x: Tensor) -> Tensor:
            return 2.0 * super().forward(x)

    with pytest.raises(ModelError, match="is not the norm it looks like"):
        BookKeeping(nn.Sequential(FakeRMSNorm(8, eps=1e-6)))


def test_a_frozen_model_is_refused(engine):
    model, _ = engine
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(ModelError, match="no trainable parameter"):
        BookKeeping(model)


@pytest.mark.parametrize(("engine", "family", "part"), sorted(REFUSED))
def test_an_engine_refuses_what_it_would_get_wrong(engine, family, part):
    model = make_model(family)
    PARTS[part](model)
    with pytest.raises(ModelError):
        ENGINES[engine](model).clipped_sum(losses_of(model, make_batch()), clipping_norm=0.5)
