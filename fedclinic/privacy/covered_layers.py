"""The layer types whose per-patient gradients are known in closed form, and their rules."""

from collections.abc import Callable
from typing import TypeAlias

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from torch import Tensor, nn

from fedclinic.errors import ModelError
from fedclinic.privacy.layer_gradients import (
    Lookups,
    OuterProducts,
    ParameterGradient,
    token_sums,
)
from fedclinic.privacy.per_sample import Patients, precise

Rule: TypeAlias = Callable[
    [nn.Module, Tensor, Tensor, Patients, frozenset[str]], dict[str, ParameterGradient]
]
"""From a layer, its inputs, its output gradients, the patients of the rows and the names of its
parameters that train, to their gradients."""


def rule_for(name: str, module: nn.Module) -> Rule:
    """Find the rule of a layer with trainable parameters.

    Raises:
        ModelError: if the layer is not covered; `name` is its place in the model.
    """
    kind = type(module)
    if kind.forward is nn.Linear.forward:
        return _linear
    if kind.__name__ == "Conv1D" and kind.__module__ == "transformers.pytorch_utils":
        return _conv1d
    if isinstance(module, nn.LayerNorm) and kind.forward is nn.LayerNorm.forward:
        return _checked(name, module, _layer_norm)
    if "RMSNorm" in kind.__name__:
        return _checked(name, module, _rms_norm)
    if isinstance(module, nn.Embedding) and _is_plain(module):
        return _embedding
    raise ModelError(
        f"no per-patient gradient is known for {name or 'the model'} ({kind.__name__})"
    )


def has_shared_positions(module: nn.Module) -> bool:
    """Whether this is DeBERTa's attention, training.

    Its projections are also called once for all rows, on the relative positions, so that no
    gradient per row exists for that use.
    """
    return (
        type(module).__name__ == "DisentangledSelfAttention"
        and bool(getattr(module, "relative_attention", False))
        and any(p.requires_grad for p in module.parameters())
    )


def _is_plain(embedding: nn.Embedding) -> bool:
    return type(embedding).forward is nn.Embedding.forward and not (
        embedding.max_norm or embedding.scale_grad_by_freq or embedding.sparse
    )


def _linear(
    _: nn.Module, inputs: Tensor, outputs: Tensor, patients: Patients, trainable: frozenset[str]
) -> dict[str, ParameterGradient]:
    return _product(inputs, outputs, patients, trainable, transposed=False)


def _conv1d(
    _: nn.Module, inputs: Tensor, outputs: Tensor, patients: Patients, trainable: frozenset[str]
) -> dict[str, ParameterGradient]:
    return _product(inputs, outputs, patients, trainable, transposed=True)


def _product(
    inputs: Tensor,
    outputs: Tensor,
    patients: Patients,
    trainable: frozenset[str],
    *,
    transposed: bool,
) -> dict[str, ParameterGradient]:
    found: dict[str, ParameterGradient] = {}
    if "weight" in trainable:
        found["weight"] = OuterProducts(inputs, outputs, patients, transposed=transposed)
    if "bias" in trainable:
        found["bias"] = token_sums(outputs, patients)
    return found


def _layer_norm(
    module: nn.Module,
    inputs: Tensor,
    outputs: Tensor,
    patients: Patients,
    trainable: frozenset[str],
) -> dict[str, ParameterGradient]:
    width = inputs.shape[-1:]
    normalised = F.layer_norm(precise(inputs), width, None, None, _epsilon(module))
    return _affine(normalised, outputs, patients, trainable)


def _rms_norm(
    module: nn.Module,
    inputs: Tensor,
    outputs: Tensor,
    patients: Patients,
    trainable: frozenset[str],
) -> dict[str, ParameterGradient]:
    x = precise(inputs)
    normalised = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + _epsilon(module))
    return _affine(normalised, outputs, patients, trainable)


def _affine(
    normalised: Tensor, outputs: Tensor, patients: Patients, trainable: frozenset[str]
) -> dict[str, ParameterGradient]:
    """Gradients of y = n * (w + constant) + b by w and b."""
    found: dict[str, ParameterGradient] = {}
    if "weight" in trainable:
        found["weight"] = token_sums(normalised * precise(outputs), patients)
    if "bias" in trainable:
        found["bias"] = token_sums(outputs, patients)
    return found


def _embedding(
    module: nn.Module,
    inputs: Tensor,
    outputs: Tensor,
    patients: Patients,
    _: frozenset[str],
) -> dict[str, ParameterGradient]:
    padding = getattr(module, "padding_idx", None)
    if padding is not None:
        outputs = outputs.masked_fill((inputs == padding)[..., None], 0.0)
    weight = module.get_parameter("weight")
    return {"weight": Lookups(inputs, outputs, patients, shape=weight.shape)}


def _epsilon(module: nn.Module) -> float:
    """Return the constant under a norm's root: it has two names, and torch's may be None."""
    value = getattr(module, "variance_epsilon", getattr(module, "eps", None))
    weight = module.get_parameter("weight")
    return torch.finfo(weight.dtype).eps if value is None else float(value)


def _checked(name: str, module: nn.Module, rule: Rule) -> Rule:
    """Compare a norm's rule with autograd on one small input, since its type is known by name only.

    Raises:
        ModelError: if they disagree.
    """
    trainable = {n: p for n, p in module.named_parameters(recurse=False) if p.requires_grad}
    weight = module.get_parameter("weight")
    if weight.dim() != 1 or set(trainable) - {"weight", "bias"}:
        raise ModelError(f"{name} ({type(module).__name__}) has more than one scale and one bias")
    ramp = torch.linspace(-1.0, 2.0, 3 * len(weight), dtype=weight.dtype, device=weight.device)
    inputs = ramp.cos().view(1, 3, -1)
    with torch.enable_grad():
        output = module(inputs)
        towards = (ramp * 7).sin().view(1, 3, -1).to(output.dtype)
        expected = torch.autograd.grad(output, list(trainable.values()), towards)
    patients = Patients.of(torch.zeros(1, dtype=torch.long, device=weight.device), 1)
    found = rule(module, inputs, towards, patients, frozenset(trainable))
    for local, truth in zip(trainable, expected, strict=True):
        tolerance = 64 * torch.finfo(torch.float32).eps * (1 + float(truth.abs().max()))
        if (found[local].per_patient()[0].to(truth.dtype) - truth).abs().max() > tolerance:
            raise ModelError(f"{name} ({type(module).__name__}) is not the norm it looks like")
    return rule
