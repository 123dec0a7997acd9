"""A model cut in two computes what the whole model computed, and only its top part trains."""

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from fedclinic.errors import ModelError
from fedclinic.learning.architectures import ARCHITECTURES, architecture_of
from fedclinic.learning.layers import SplitModel, split
from fedclinic.plan import Layers
from tests.tiny_models import BLOCKS, FAMILIES, HIDDEN, make_network

OUTPUTS = 4
TOPS = (0, 1, 2, BLOCKS)


@pytest.fixture(scope="module", params=FAMILIES)
def network(request: pytest.FixtureRequest) -> nn.Module:
    return make_network(request.param)


def make_batch() -> tuple[Tensor, Tensor]:
    """Three rows of 9, 6 and 1 tokens, padded with 0."""
    lengths = torch.tensor([9, 6, 1])
    ids = torch.randint(2, 50, (3, 9), generator=torch.Generator().manual_seed(1))
    mask = (torch.arange(9) < lengths[:, None]).long()
    return ids * mask, mask


def whole_output(network: nn.Module) -> Tensor:
    ids, mask = make_batch()
    with torch.no_grad():
        output: Tensor = network(input_ids=ids, attention_mask=mask).last_hidden_state
    return output


def split_output(model: SplitModel) -> Tensor:
    ids, mask = make_batch()
    with torch.no_grad():
        hidden = model.stem(ids, mask)
        output: Tensor = model.trunk.base(
            inputs_embeds=hidden, attention_mask=mask
        ).last_hidden_state
    return output


def test_every_family_that_a_plan_may_name_is_tested():
    assert {name.split(" ")[0] for name in FAMILIES} == set(ARCHITECTURES)


@pytest.mark.parametrize("top", TOPS)
def test_the_parts_compute_what_the_whole_model_computes(network, top):
    expected = whole_output(network)
    model = split(network, Layers(top=top), outputs=OUTPUTS, pooled=True)
    _, mask = make_batch()
    difference = (split_output(model) - expected)[mask.bool()].abs().max()
    assert difference < 1e-5


WHOLE = Layers(top=BLOCKS, embeddings=True)


def test_with_embeddings_the_trunk_reads_token_ids_and_computes_the_whole_model(network):
    expected = whole_output(network)
    model = split(network, WHOLE, outputs=OUTPUTS, pooled=False)
    torch.nn.init.eye_(model.trunk.head.weight)
    ids, mask = make_batch()
    with torch.no_grad():
        logits = model.trunk(model.stem(ids, mask), mask)
    difference = (logits - expected[..., :OUTPUTS])[mask.bool()].abs().max()
    assert difference < 1e-5


def test_with_embeddings_every_tensor_trains_under_the_name_that_it_has_in_the_model(network):
    model = split(network, WHOLE, outputs=OUTPUTS, pooled=True)
    whole = {name: tuple(tensor.shape) for name, tensor in network.named_parameters()}
    head = {"head.weight": (OUTPUTS, HIDDEN), "head.bias": (OUTPUTS,)}
    assert model.shapes() == whole | head


def test_embeddings_train_only_with_every_block(network):
    with pytest.raises(ModelError, match="embeddings train with every block: the plan trains 1"):
        split(network, Layers(top=1, embeddings=True), outputs=OUTPUTS, pooled=True)
    with pytest.raises(ValueError, match="embeddings train with every tensor of every block"):
        Layers(top=BLOCKS, embeddings=True, parameters="biases")


@pytest.mark.parametrize("top", TOPS)
def test_splitting_leaves_the_whole_model_as_it_was(network, top):
    before = whole_output(network)
    names = [name for name, _ in network.named_parameters()]
    split(network, Layers(top=top), outputs=OUTPUTS, pooled=True)
    assert torch.equal(whole_output(network), before)
    assert [name for name, _ in network.named_parameters()] == names


@pytest.mark.parametrize("top", TOPS)
def test_exactly_the_top_blocks_and_the_head_train(network, top):
    model = split(network, Layers(top=top), outputs=OUTPUTS, pooled=True)
    path = architecture_of(network).blocks
    planned = {
        name
        for name, _ in network.named_parameters()
        if name.startswith(path + ".")
        and int(name.removeprefix(path + ".").split(".")[0]) >= BLOCKS - top
    }
    assert set(model.shapes()) == planned | {"head.weight", "head.bias"}
    assert not any(p.requires_grad for p in model.stem.parameters())


@pytest.mark.parametrize("top", TOPS)
def test_a_plan_may_train_only_biases_and_normalisation(network, top):
    whole = split(network, Layers(top=top), outputs=OUTPUTS, pooled=True)
    model = split(network, Layers(top=top, parameters="biases"), outputs=OUTPUTS, pooled=True)
    vectors = {name: shape for name, shape in whole.shapes().items() if len(shape) == 1}
    assert model.shapes() == vectors | {"head.weight": (OUTPUTS, HIDDEN)}
    assert top == 0 or len(vectors) > 1


@pytest.mark.parametrize("top", TOPS)
def test_trained_tensors_are_the_whole_models_by_name_and_value(network, top):
    whole = dict(network.named_parameters())
    model = split(network, Layers(top=top), outputs=OUTPUTS, pooled=True)
    for name, parameter in model.trained():
        if not name.startswith("head."):
            assert torch.equal(parameter, whole[name])
            assert parameter.data_ptr() != whole[name].data_ptr()


def test_the_head_starts_at_zero_so_that_all_sites_start_alike(network):
    model = split(network, Layers(top=1), outputs=OUTPUTS, pooled=True)
    trained = dict(model.trained())
    assert trained["head.weight"].shape == (OUTPUTS, HIDDEN)
    assert not trained["head.weight"].any()
    assert not trained["head.bias"].any()


@pytest.mark.parametrize("pooled", [True, False])
def test_documents_give_a_row_of_outputs_and_tokens_one_each(network, pooled):
    model = split(network, Layers(top=1), outputs=OUTPUTS, pooled=pooled)
    ids, mask = make_batch()
    logits = model.trunk(model.stem(ids, mask), mask)
    assert logits.shape == ((3, OUTPUTS) if pooled else (3, 9, OUTPUTS))


def test_a_document_is_the_mean_of_its_own_tokens(network):
    model = split(network, Layers(top=1), outputs=OUTPUTS, pooled=True)
    with torch.no_grad():
        model.trunk.head.weight.normal_(generator=torch.Generator().manual_seed(0))
    ids, mask = make_batch()
    whole = whole_output(network)
    means = torch.stack([row[: int(m.sum())].mean(0) for row, m in zip(whole, mask, strict=True)])
    with torch.no_grad():
        logits = model.trunk(model.stem(ids, mask), mask)
        assert torch.allclose(logits, model.trunk.head(means), atol=1e-4)


def test_a_row_does_not_depend_on_the_others_of_its_batch(network):
    model = split(network, Layers(top=2), outputs=OUTPUTS, pooled=False)
    with torch.no_grad():
        model.trunk.head.weight.normal_(generator=torch.Generator().manual_seed(0))
        ids, mask = make_batch()
        together = model.trunk(model.stem(ids, mask), mask)
        for row, length in enumerate(mask.sum(1).tolist()):
            own_ids, own_mask = ids[row : row + 1, :length], mask[row : row + 1, :length]
            alone = model.trunk(model.stem(own_ids, own_mask), own_mask)
            assert torch.allclose(together[row, :length], alone[0], atol=1e-4)


def test_training_draws_no_dropout(network):
    model = split(network, Layers(top=2), outputs=OUTPUTS, pooled=True)
    model.trunk.train()
    with torch.no_grad():
        model.trunk.head.weight.normal_(generator=torch.Generator().manual_seed(0))
        ids, mask = make_batch()
        hidden = model.stem(ids, mask)
        assert torch.equal(model.trunk(hidden, mask), model.trunk(hidden, mask))


@pytest.mark.parametrize("top", [1, BLOCKS])
def test_a_step_reaches_every_trained_tensor_and_no_other(network, top):
    model = split(network, Layers(top=top), outputs=OUTPUTS, pooled=False)
    model.trunk.train()
    with torch.no_grad():
        model.trunk.head.weight.normal_(generator=torch.Generator().manual_seed(0))
    before = {name: p.detach().clone() for name, p in model.trunk.named_parameters()}
    frozen = {name: p.detach().clone() for name, p in model.stem.named_parameters()}
    ids, mask = make_batch()
    model.trunk(model.stem(ids, mask), mask)[mask.bool()].square().sum().backward()
    optimizer = torch.optim.SGD([p for p in model.trunk.parameters() if p.requires_grad], lr=1.0)
    optimizer.step()
    for name, parameter in model.trunk.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
        else:
            assert torch.equal(parameter, before[name]), name
    assert all(torch.equal(p, frozen[name]) for name, p in model.stem.named_parameters())


def test_a_plan_that_trains_more_blocks_than_there_are_is_refused(network):
    with pytest.raises(ModelError, match=f"trains {BLOCKS + 1} blocks, and the model has {BLOCKS}"):
        split(network, Layers(top=BLOCKS + 1), outputs=OUTPUTS, pooled=True)


CHOICES = {
    (0,): Layers(bottom=1),
    (0, 1): Layers(bottom=2),
    (0, 2): Layers(blocks=(2, 0)),
    (1,): Layers(blocks=(1,)),
}


@pytest.mark.parametrize("chosen", CHOICES)
def test_any_blocks_may_train_and_the_rest_of_the_trunk_is_frozen(network, chosen):
    expected = whole_output(network)
    model = split(network, CHOICES[chosen], outputs=OUTPUTS, pooled=True)
    _, mask = make_batch()
    assert (split_output(model) - expected)[mask.bool()].abs().max() < 1e-5
    path = architecture_of(network).blocks
    numbers = {
        int(name.removeprefix(path + ".").split(".")[0])
        for name in model.shapes()
        if not name.startswith("head.")
    }
    assert numbers == set(chosen)
    assert model.first_trained == min(chosen)


def test_frozen_blocks_above_the_lowest_trained_one_get_no_gradient(network):
    model = split(network, Layers(blocks=(0,)), outputs=OUTPUTS, pooled=False)
    with torch.no_grad():
        model.trunk.head.weight.normal_(generator=torch.Generator().manual_seed(0))
    ids, mask = make_batch()
    model.trunk(model.stem(ids, mask), mask)[mask.bool()].square().sum().backward()
    with_gradient = {n for n, p in model.trunk.named_parameters() if p.grad is not None}
    assert with_gradient == {n for n, p in model.trunk.named_parameters() if p.requires_grad}


def test_random_blocks_are_drawn_by_the_seed_alone():
    draws = {seed: Layers(random=4, seed=seed).chosen(12) for seed in range(20)}
    assert all(len(set(drawn)) == 4 and max(drawn) < 12 for drawn in draws.values())
    assert draws[3] == Layers(random=4, seed=3).chosen(12)
    assert len(set(draws.values())) > 10
    assert {block for drawn in draws.values() for block in drawn} == set(range(12))


def test_a_block_that_does_not_exist_is_refused_with_those_that_do(network):
    with pytest.raises(ModelError, match=f"block 7, and the model's blocks are 0 to {BLOCKS - 1}"):
        split(network, Layers(blocks=(0, 7)), outputs=OUTPUTS, pooled=True)


@pytest.mark.parametrize(
    "wrong", [{}, {"top": 1, "bottom": 1}, {"blocks": (1, 1)}, {"blocks": ()}, {"random": 0}]
)
def test_blocks_are_chosen_in_exactly_one_way(wrong):
    with pytest.raises(ValidationError):
        Layers.model_validate(wrong)


def test_a_family_that_is_not_known_is_refused_by_name():
    with pytest.raises(ModelError, match="model type 'unknown' is not one of bert, "):
        split(nn.Linear(2, 2), Layers(top=1), outputs=OUTPUTS, pooled=True)
