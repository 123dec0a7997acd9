"""Cut a pre-trained transformer in two: a frozen stem, and a trunk in which some blocks train.

The cut is below the lowest block that trains. The stem's output for a note never changes during a
federation, so it can be computed once and cached; only the trunk's trained tensors are updated and
travel (layer skipping, arXiv 2504.10536).
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from fedclinic.chosen_layers import Layers
from fedclinic.errors import ModelError
from fedclinic.learning.adapters import insert_adapter
from fedclinic.learning.architectures import Architecture, architecture_of, module_at
from fedclinic.learning.tasks import labels_documents, output_count
from fedclinic.plan import Task


class _PassThrough(nn.Module):
    """Hand `inputs_embeds` on unchanged, in the place of an embedding module."""

    def forward(self, *positional: Tensor | None, **named: Tensor | None) -> Tensor:
        for given in (named.get("inputs_embeds"), *positional):
            if isinstance(given, Tensor) and given.is_floating_point():
                return given
        raise ModelError("the trunk takes hidden states, not token ids")


class _Zero(nn.Module):
    def forward(self, *_: Any, **__: Any) -> Tensor:
        return torch.zeros(())


class _IdentityBlock(nn.Module):
    """Stands in a list of blocks that would be empty, which some models cannot run."""

    def __init__(self, returns_pair: bool) -> None:
        super().__init__()
        self.returns_pair = returns_pair

    def forward(self, hidden: Tensor, *_: Any, **__: Any) -> Tensor | tuple[Tensor, None]:
        return (hidden, None) if self.returns_pair else hidden


class Stem(nn.Module):
    """The frozen lower blocks: token ids (rows, tokens) to hidden states (rows, tokens, hidden).

    Where the embeddings train nothing is frozen: the stem has no base, and hands on the token ids,
    (rows, tokens, 1).
    """

    def __init__(self, base: nn.Module | None, sees_ahead: bool = False) -> None:
        super().__init__()
        self.base = base
        self.sees_ahead = sees_ahead

    def forward(self, token_ids: Tensor, mask: Tensor) -> Tensor:
        if self.base is None:
            return token_ids.unsqueeze(-1).float()
        seen = both_ways(mask) if self.sees_ahead else mask
        output: Tensor = self.base(input_ids=token_ids, attention_mask=seen).last_hidden_state
        return output


def both_ways(mask: Tensor) -> Tensor:
    """Let every token of a row see every other: (rows, tokens) to (rows, 1, tokens, tokens).

    Added to attention scores. A decoder takes such a mask as it is, instead of its own, in which a
    token sees only those before it.
    """
    hidden = (1.0 - mask.float()) * torch.finfo(torch.float32).min
    return hidden[:, None, None, :].expand(-1, 1, mask.shape[1], -1)


class Trunk(nn.Module):
    """The top blocks and the task head: hidden states (rows, tokens, hidden) to logits.

    Documents give (rows, outputs), from the mean of the hidden states under the mask; tokens give
    (rows, tokens, outputs). The head starts at zero, so every site starts from the same model.
    """

    def __init__(
        self, base: nn.Module, hidden: int, outputs: int, pooled: bool, sees_ahead: bool = False
    ) -> None:
        super().__init__()
        self.base = base
        self.reads_ids = False
        self.head = nn.Linear(hidden, outputs)
        self.pooled = pooled
        self.sees_ahead = sees_ahead
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        seen = both_ways(mask) if self.sees_ahead else mask
        read = {"input_ids": hidden[..., 0].long()} if self.reads_ids else {"inputs_embeds": hidden}
        top = self.base(**read, attention_mask=seen).last_hidden_state
        if self.pooled:
            weights = mask.to(top.dtype).unsqueeze(-1)
            top = (top * weights).sum(1) / weights.sum(1).clamp(min=1)
        logits: Tensor = self.head(top)
        return logits


@dataclass(frozen=True)
class SplitModel:
    """A base model cut at a block: `trunk` trains, `stem` does not."""

    stem: Stem
    trunk: Trunk
    first_trained: int
    """Number of the trunk's first block in the whole model, which trains unless none does."""
    blocks_path: str
    blocks_return_pairs: bool = False

    def trained(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Trainable tensors under the names that they have in the whole base model, or `head.*`."""
        prefix = f"base.{self.blocks_path}."
        for name, parameter in self.trunk.named_parameters():
            if not parameter.requires_grad:
                continue
            if name.startswith(prefix):
                index, _, rest = name.removeprefix(prefix).partition(".")
                yield f"{self.blocks_path}.{int(index) + self.first_trained}.{rest}", parameter
            else:
                yield name.removeprefix("base."), parameter

    def trunk_blocks(self) -> list[nn.Module]:
        """The trunk's blocks, the lowest first."""
        return list(module_at(self.trunk.base, self.blocks_path))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(parameter.shape) for name, parameter in self.trained()}


def split_for(
    base: nn.Module, layers: Layers, task: Task, attention: Literal["own", "bidirectional"]
) -> SplitModel:
    """Cut `base` as the plan says, with the head that its task needs.

    Raises:
        ModelError: if the model cannot do the task, or has not the planned blocks.
    """
    causal, predicts = architecture_of(base).causal, task.kind == "language_modelling"
    sees_ahead = attention == "bidirectional"
    if predicts and (not causal or sees_ahead):
        raise ModelError("language modelling needs a decoder with its own attention, such as gpt2")
    if sees_ahead and not causal:
        raise ModelError("base_model.attention: only a decoder's attention can be made two-way")
    outputs = 1 if predicts else output_count(task)
    model = split(
        base, layers, outputs=outputs, pooled=labels_documents(task), sees_ahead=sees_ahead
    )
    if predicts:
        owner = model.trunk.base if layers.embeddings else base
        model.trunk.head = _tied_head(owner, trains=layers.embeddings)
    return model


def _tied_head(base: nn.Module, *, trains: bool) -> nn.Linear:
    """The head of a language model whose output layer is its embedding."""
    config: Any = base.config
    if not config.tie_word_embeddings:
        raise ModelError("language modelling needs a model whose output layer is its embedding")
    weight: nn.Parameter = base.get_input_embeddings().weight  # type: ignore[operator]
    head = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    head.weight = weight if trains else nn.Parameter(weight.detach(), False)
    return head


def split(
    base: nn.Module, layers: Layers, *, outputs: int, pooled: bool, sees_ahead: bool = False
) -> SplitModel:
    """Cut `base` so that the planned blocks and a new head train, and the rest is frozen.

    Raises:
        ModelError: if the model has not the blocks that the plan trains.
    """
    architecture = architecture_of(base)
    count = len(module_at(base, architecture.blocks))
    try:
        chosen = layers.chosen(count)
    except ValueError as error:
        raise ModelError(str(error)) from None
    first = min(chosen, default=count)
    config: Any = base.config
    hidden = int(config.hidden_size)
    if layers.embeddings:
        whole = _with_blocks(base, architecture, 0, None)
        return _whole(architecture, Trunk(whole, hidden, outputs, pooled, sees_ahead))
    stem, trunk = _stem_of(base, architecture, first), _trunk_of(base, architecture, first)
    model = Trunk(trunk, hidden, outputs, pooled, sees_ahead)
    _switch_dropout_off(model)
    model.base.requires_grad_(False)
    blocks = module_at(model.base, architecture.blocks)
    for number in chosen:
        block = blocks[number - first]
        if layers.adapter is not None:
            insert_adapter(block, layers.adapter, architecture.places, number)
            continue
        for parameter in block.parameters():
            parameter.requires_grad_(layers.parameters == "all" or parameter.dim() == 1)
    return SplitModel(
        stem=Stem(stem, sees_ahead).eval(),
        trunk=model,
        first_trained=first,
        blocks_path=architecture.blocks,
        blocks_return_pairs=architecture.blocks_return_pairs,
    )


def _whole(architecture: Architecture, trunk: Trunk) -> SplitModel:
    """Let every tensor of a model train: nothing is below the cut."""
    trunk.reads_ids = True
    trunk.base.requires_grad_(True)
    _switch_dropout_off(trunk)
    return SplitModel(
        stem=Stem(None).eval(),
        trunk=trunk,
        first_trained=0,
        blocks_path=architecture.blocks,
        blocks_return_pairs=architecture.blocks_return_pairs,
    )


def _stem_of(base: nn.Module, architecture: Architecture, first: int) -> nn.Module:
    stem = _with_blocks(base, architecture, 0, first)
    if architecture.final_norm:
        _replace(stem, architecture.final_norm, nn.Identity())
    if architecture.after_first_block and first == 0:
        _replace(stem, architecture.after_first_block, None)
    return stem.requires_grad_(False)


def _trunk_of(base: nn.Module, architecture: Architecture, first: int) -> nn.Module:
    trunk = _with_blocks(base, architecture, first, None)
    for path in architecture.embeddings:
        _replace(trunk, path, _PassThrough())
    for path in architecture.zeroed:
        _replace(trunk, path, _Zero())
    if architecture.after_first_block and first > 0:
        _replace(trunk, architecture.after_first_block, None)
    return trunk


def _with_blocks(
    base: nn.Module, architecture: Architecture, start: int, end: int | None
) -> nn.Module:
    """Copy the model with only the blocks [start, end), without copying the others' memory."""
    blocks = module_at(base, architecture.blocks)
    kept = list(blocks)[start:end] or [_IdentityBlock(architecture.blocks_return_pairs)]
    _replace(base, architecture.blocks, nn.ModuleList(kept))
    try:
        cut = copy.deepcopy(base)
    finally:
        _replace(base, architecture.blocks, blocks)
    config: Any = cut.config
    config.num_hidden_layers = len(kept)
    config.use_cache = False
    return cut


def _replace(root: nn.Module, path: str, module: nn.Module | None) -> None:
    parent, _, name = path.rpartition(".")
    setattr(module_at(root, parent) if parent else root, name, module)


def _switch_dropout_off(model: nn.Module) -> None:
    """Dropout adds nothing under DP noise, and cached activations need none below the cut."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for attribute in ("dropout", "dropout_prob", "attention_dropout"):
            if isinstance(getattr(module, attribute, None), float):
                setattr(module, attribute, 0.0)
