"""The fast exact engine: one backward pass of activation gradients, no weight gradient in between.

While a covered layer computes, its parameters count as constants, so that autograd keeps nothing
for them; the layer's input and the gradient of its output are noted down in the backward pass and
turned into norms and a clipped sum (Bu et al. 2023, arXiv:2210.00038). Nothing is noted before the
backward pass, so an abandoned forward pass leaves nothing stale behind.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from fedclinic.errors import ModelError
from fedclinic.privacy.covered_layers import Rule, has_shared_positions, rule_for
from fedclinic.privacy.layer_gradients import Dense, ParameterGradient
from fedclinic.privacy.per_sample import (
    ClippedSum,
    Patients,
    clip_factors,
    empty_sum,
    gradients_kept,
    patients_of,
    sum_tensors,
    trainable_parameters,
)


@dataclass(frozen=True)
class _Call:
    """One use of a layer: what went in and the gradient of what came out."""

    inputs: Tensor
    gradients: Tensor
    row: int | None
    """The only row this use belongs to; None if its first dimension is the batch's rows."""


class _Layer:
    """A covered layer, the parameters of it that train, and its uses in the last backward pass."""

    def __init__(self, name: str, module: nn.Module, rule: Rule) -> None:
        self.name, self.module, self.rule = name, module, rule
        self.trainable = {
            local: p for local, p in module.named_parameters(recurse=False) if p.requires_grad
        }
        self.calls: list[_Call] = []


class BookKeeping:
    """Listens to a model's trainable layers; see `PerSampleEngine`."""

    def __init__(self, model: nn.Module) -> None:
        """Attach to `model`.

        Raises:
            ModelError: if a trainable parameter belongs to a layer that is not covered.
        """
        self._parameters = trainable_parameters(model)
        self._name_of = {id(p): name for name, p in self._parameters.items()}
        self._layers = [
            _Layer(name, module, rule_for(name, module))
            for name, module in model.named_modules()
            if any(p.requires_grad for p in module.parameters(recurse=False))
        ]
        self._rows: int | None = None
        self._row: int | None = None
        self._undo: list[Callable[[], object]] = []
        self._listen(model)

    def clipped_sum(
        self, losses: Tensor, grouping: Patients | None = None, *, clipping_norm: float
    ) -> ClippedSum:
        patients = patients_of(losses, grouping)
        if not len(losses):
            return self.empty()
        if not losses.requires_grad:
            raise ModelError("the losses depend on no trainable parameter")
        self._backward(losses)
        with torch.no_grad(), torch.autocast(losses.device.type, enabled=False):
            gradients = self._gradients(len(losses), patients)
            return self._clip(gradients, clipping_norm)

    def empty(self) -> ClippedSum:
        return empty_sum(self._parameters)

    def detach(self) -> None:
        while self._undo:
            self._undo.pop()()

    def _backward(self, losses: Tensor) -> None:
        """Run the backward pass, and refuse parameters that took part outside their layer."""
        for layer in self._layers:
            layer.calls.clear()
        with gradients_kept(self._parameters):
            torch.autograd.backward(losses.sum())
            outside = [name for name, p in self._parameters.items() if p.grad is not None]
        if outside:
            raise ModelError(f"{outside[0]} is used outside its own layer: train it row by row")

    def _gradients(self, rows: int, patients: Patients) -> dict[str, ParameterGradient]:
        """Collect each parameter's gradient; one that several layers share is added up first."""
        found: dict[str, list[ParameterGradient]] = {}
        for layer in self._layers:
            if not layer.calls:
                continue
            inputs, outputs = _joined(layer, rows)
            layer.calls.clear()
            for local, gradient in layer.rule(
                layer.module, inputs, outputs, patients, frozenset(layer.trainable)
            ).items():
                found.setdefault(self._name_of[id(layer.trainable[local])], []).append(gradient)
        return {
            name: parts[0]
            if len(parts) == 1
            else Dense(sum_tensors(part.per_patient() for part in parts))
            for name, parts in found.items()
        }

    def _clip(self, gradients: dict[str, ParameterGradient], clipping_norm: float) -> ClippedSum:
        total = empty_sum(self._parameters)
        if not gradients:
            return total
        clip = clip_factors(
            sum_tensors(gradient.squared_norms() for gradient in gradients.values()),
            clipping_norm,
        )
        for name in list(gradients):
            total.gradients[name] += gradients.pop(name).weighted_sum(clip)
        return ClippedSum(total.gradients, clip.clipped, clip.non_finite)

    def _listen(self, model: nn.Module) -> None:
        handles = [model.register_forward_pre_hook(self._count_rows, with_kwargs=True)]
        for layer in self._layers:
            handles.append(layer.module.register_forward_pre_hook(partial(_freeze, layer)))
            handles.append(
                layer.module.register_forward_hook(
                    partial(self._note, layer), with_kwargs=True, always_call=True
                )
            )
        self._undo.extend(handle.remove for handle in handles)
        for module in model.modules():
            if has_shared_positions(module):
                self._split_positions(module)

    def _count_rows(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = (value for value in (*args, *kwargs.values()) if isinstance(value, Tensor))
        first = next(given, None)
        self._rows = None if first is None else len(first)

    def _note(
        self,
        layer: _Layer,
        _: nn.Module,
        args: tuple[Tensor, ...],
        kwargs: dict[str, Tensor],
        output: Tensor | None,
    ) -> Tensor | None:
        """Unfreeze the layer and arrange that its use is noted in the backward pass."""
        for p in layer.trainable.values():
            p.requires_grad_(True)
        if output is None or not torch.is_grad_enabled():
            return None
        inputs = next(iter((*args, *kwargs.values()))).detach()
        if isinstance(layer.module, nn.Embedding) and len(inputs) == 1 and self._rows:
            inputs = inputs.expand(self._rows, *inputs.shape[1:])
            output = output.expand(self._rows, *output.shape[1:])
        if not output.requires_grad:
            output = output.detach().requires_grad_(True)
        version, row = inputs._version, self._row

        def note(gradient: Tensor) -> None:
            if inputs._version != version:
                raise ModelError(f"the input of {layer.name} was changed in place")
            layer.calls.append(_Call(inputs, gradient.detach(), row))

        output.register_hook(note)  # type: ignore[no-untyped-call]
        return output.clone() if output.is_leaf else output

    def _split_positions(self, attention: nn.Module) -> None:
        """Let DeBERTa project its relative positions once a row, so that each row's share shows."""
        original = cast(Callable[..., Tensor], attention.disentangled_attention_bias)
        heads = int(attention.num_attention_heads)  # type: ignore[arg-type]

        def by_row(query: Tensor, key: Tensor, *shared: Any) -> Tensor:
            scores = []
            for row, start in enumerate(range(0, len(query), heads)):
                with self._only(row):
                    own = slice(start, start + heads)
                    scores.append(original(query[own], key[own], *shared))
            return torch.cat(scores)

        attention.disentangled_attention_bias = by_row  # type: ignore[assignment]
        self._undo.append(partial(delattr, attention, "disentangled_attention_bias"))

    @contextmanager
    def _only(self, row: int) -> Iterator[None]:
        self._row = row
        try:
            yield
        finally:
            self._row = None


def _freeze(layer: _Layer, *_: Any) -> None:
    for p in layer.trainable.values():
        p.requires_grad_(False)


def _joined(layer: _Layer, rows: int) -> tuple[Tensor, Tensor]:
    """Join a layer's uses into one longer use: (rows, tokens, width) of inputs and gradients."""
    whole = [call for call in layer.calls if call.row is None]
    by_row = sorted(
        (call for call in layer.calls if call.row is not None), key=lambda c: c.row or 0
    )
    if by_row:
        stacked = torch.cat([call.inputs for call in by_row])
        whole.append(_Call(stacked, torch.cat([call.gradients for call in by_row]), None))
    for call in whole:
        if len(call.inputs) != rows:
            raise ModelError(
                f"{layer.name} saw {len(call.inputs)} rows where the losses have {rows}: "
                "train it row by row"
            )
    inputs = [_tokens(layer.module, call.inputs) for call in whole]
    gradients = [call.gradients.reshape(rows, -1, call.gradients.shape[-1]) for call in whole]
    if len(whole) == 1:
        return inputs[0], gradients[0]
    return torch.cat(inputs, 1), torch.cat(gradients, 1)


def _tokens(module: nn.Module, inputs: Tensor) -> Tensor:
    rows = len(inputs)
    if isinstance(module, nn.Embedding):
        return inputs.reshape(rows, -1)
    return inputs.reshape(rows, -1, inputs.shape[-1])
