"""Adapters change nothing at the start, train alone, and are exact under patient-level clipping."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fedclinic.chosen_layers import Bottleneck, Lora
from fedclinic.errors import ModelError
from fedclinic.learning.evaluate import load_change
from fedclinic.learning.finetune import train_privately
from fedclinic.learning.hidden_states import ComputedHiddenStates
from fedclinic.learning.layers import SplitModel, split
from fedclinic.plan import Layers
from fedclinic.privacy.bookkeeping import BookKeeping
from fedclinic.privacy.per_sample import Patients
from fedclinic.privacy.random_stream import RandomStream
from tests.factories import make_privacy
from tests.tiny_models import BLOCKS, FAMILIES, HIDDEN, make_bert, make_network
from tests.tiny_rounds import CPU, make_local_round, one_note_each

ADAPTERS = {
    "lora": Lora(rank=2, alpha=4),
    "lora everywhere": Lora(rank=2, alpha=4, targets="all"),
    "ffa lora": Lora(rank=2, alpha=4, targets="attention", freeze_a=True),
    "bottleneck": Bottleneck(width=3, places="both"),
}
PATIENT_OF_ROW = torch.tensor([0, 1, 0, 2])


@pytest.fixture(scope="module", params=FAMILIES)
def network(request: pytest.FixtureRequest) -> nn.Module:
    return make_network(request.param)


@pytest.fixture(params=sorted(ADAPTERS))
def layers(request: pytest.FixtureRequest) -> Layers:
    return Layers(top=2, adapter=ADAPTERS[request.param])


def cut(network: nn.Module, layers: Layers) -> SplitModel:
    return split(network, layers, outputs=3, pooled=False)


def batch() -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([9, 6, 4, 7])
    mask = (torch.arange(9) < lengths[:, None]).long()
    ids = torch.randint(2, 50, (4, 9), generator=torch.Generator().manual_seed(1))
    return ids * mask, mask


def shake(model: SplitModel, scale: float = 0.3) -> None:
    """Move every trained tensor away from its start, at which half the gradients are zero."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for _, parameter in model.trained():
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator))


def row_losses(model: SplitModel, rows: slice) -> Tensor:
    ids, mask = batch()
    hidden = model.stem(ids, mask).double()[rows]
    logits = model.trunk(hidden, mask[rows])
    weights = torch.linspace(-1.0, 1.0, logits[0].numel(), dtype=torch.float64)
    return (logits * weights.view(logits.shape[1:]) * mask[rows].unsqueeze(-1)).sum((1, 2))


def test_a_new_adapter_computes_what_the_model_computed(network, layers):
    plain = cut(network, Layers(top=2))
    adapted = cut(network, layers)
    ids, mask = batch()
    with torch.no_grad():
        hidden = plain.stem(ids, mask)
        expected = plain.trunk.base(inputs_embeds=hidden, attention_mask=mask).last_hidden_state
        found = adapted.trunk.base(inputs_embeds=hidden, attention_mask=mask).last_hidden_state
    assert torch.equal(found, expected)


def test_only_the_adapter_and_the_head_train(network, layers):
    shapes = cut(network, layers).shapes()
    adapters = [name for name in shapes if not name.startswith("head.")]
    parts = ("lora_a.", "lora_b.", "down.", "up.")
    assert adapters
    assert all(any(f".{part}" in name for part in parts) for name in adapters)
    assert {"head.weight", "head.bias"} <= shapes.keys()


def test_a_frozen_a_does_not_travel():
    adapter = ADAPTERS["ffa lora"]
    shapes = cut(make_bert(), Layers(top=1, adapter=adapter)).shapes()
    assert not any("lora_a" in name for name in shapes)
    assert sum("lora_b" in name for name in shapes) == 4


def test_every_site_starts_from_the_same_adapter_and_another_seed_from_another():
    def first(seed: int) -> list[Tensor]:
        adapter = Lora(rank=2, alpha=4, seed=seed)
        model = cut(make_bert(), Layers(top=2, adapter=adapter))
        return [p.detach() for name, p in model.trained() if "lora_a" in name]

    assert all(torch.equal(a, b) for a, b in zip(first(0), first(0), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first(0), first(1), strict=True))
    drawn = first(0)
    assert not any(torch.equal(drawn[0], other) for other in drawn[1:])


def test_lora_has_the_parameters_that_its_rank_says():
    layers = Layers(top=BLOCKS, adapter=Lora(rank=2, alpha=4))
    shapes = cut(make_bert(), layers).shapes()
    sent = sum(int(np.prod(s)) for name, s in shapes.items() if "lora" in name)
    assert sent == BLOCKS * 2 * (2 * HIDDEN + HIDDEN * 2)


@pytest.mark.parametrize("clipping_norm", [0.05, 100.0])
def test_the_clipped_sum_over_an_adapter_equals_brute_force(network, layers, clipping_norm):
    model = cut(network, layers)
    shake(model)
    model.trunk.double()
    named = {n: p for n, p in model.trunk.named_parameters() if p.requires_grad}
    truth = {n: torch.zeros_like(p) for n, p in named.items()}
    for patient in PATIENT_OF_ROW.unique():
        own = (patient == PATIENT_OF_ROW).nonzero().flatten().tolist()
        loss = torch.stack([row_losses(model, slice(i, i + 1)).sum() for i in own]).sum()
        grads = torch.autograd.grad(loss, list(named.values()), materialize_grads=True)
        norm = float(torch.cat([g.flatten() for g in grads]).norm())
        for name, g in zip(named, grads, strict=True):
            truth[name] += g * min(1.0, clipping_norm / norm)
    engine = BookKeeping(model.trunk)
    found = engine.clipped_sum(
        row_losses(model, slice(None)),
        Patients.of(PATIENT_OF_ROW, 3),
        clipping_norm=clipping_norm,
    ).gradients
    engine.detach()
    assert found.keys() == truth.keys()
    error = sum(float((found[n] - truth[n]).square().sum()) for n in truth)
    size = sum(float(t.square().sum()) for t in truth.values())
    assert size > 0
    assert error < 1e-16 * size


def test_a_trained_adapter_loaded_into_a_fresh_model_gives_the_trained_logits(layers):
    notes = one_note_each(12)
    model = split(make_bert(), layers, outputs=3, pooled=True)
    local = make_local_round(
        notes, model=model, hidden=ComputedHiddenStates(model.stem, notes.rows, CPU)
    )
    change = train_privately(local, make_privacy(), RandomStream(b"\x07" * 32))
    fresh = split(make_bert(), layers, outputs=3, pooled=True)
    load_change(fresh, change)
    hidden, mask = local.hidden.batch(list(range(6)))
    with torch.no_grad():
        trained, loaded = model.trunk(hidden, mask), fresh.trunk(hidden, mask)
    assert float(trained.std()) > 1e-3
    assert torch.allclose(loaded, trained, atol=1e-5)


def test_an_adapter_with_nowhere_to_go_is_refused():
    network = make_bert()
    network.encoder.layer[BLOCKS - 1].output.dense = nn.Identity()
    with pytest.raises(ModelError, match=r"output\.dense is no linear layer"):
        cut(network, Layers(top=1, adapter=Bottleneck(width=2)))
