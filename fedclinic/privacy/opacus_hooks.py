"""Per-sample gradients by Opacus' GradSampleModule: the reference engine, and a second opinion.

Only its per-sample gradients are used. Its sampler, clipping, noise and divisor are not: they
protect examples rather than patients and derive constants from the private number of patients.
It stores every row's gradient, so it needs rows times the trainable parameters of memory.
"""

from typing import Any

import torch
from opacus.grad_sample import GradSampleModule
from torch import Tensor, nn

from fedclinic.errors import ModelError
from fedclinic.privacy.covered_layers import has_shared_positions
from fedclinic.privacy.per_sample import (
    ClippedSum,
    Patients,
    add_rows,
    clip_and_add,
    empty_sum,
    gradients_kept,
    patients_of,
    trainable_parameters,
)


class OpacusHooks:
    """Wraps a model's layers in Opacus' hooks; see `PerSampleEngine`."""

    def __init__(self, model: nn.Module, *, functorch: bool = False) -> None:
        """Attach to `model`; with `functorch` no layer uses Opacus' own formulas.

        Raises:
            ModelError: if Opacus does not support the model, or two layers share a parameter.
        """
        self._parameters = trainable_parameters(model)
        check_supported(model)
        self._padded = _padding_rows(model)
        try:
            self._wrapped: Any = GradSampleModule(
                model, loss_reduction="sum", force_functorch=functorch
            )
        except (NotImplementedError, ValueError) as error:
            raise ModelError("Opacus does not support a layer of the model") from error
        self._wrapped.disallow_grad_accumulation = False

    def clipped_sum(
        self, losses: Tensor, grouping: Patients | None = None, *, clipping_norm: float
    ) -> ClippedSum:
        patients = patients_of(losses, grouping)
        if not len(losses):
            return self.empty()
        self._forget()
        try:
            with gradients_kept(self._parameters):
                torch.autograd.backward(losses.sum())
                per_patient = self._per_patient(patients)
        except ValueError as error:
            raise ModelError("Opacus notes activations in training mode only") from error
        finally:
            self._forget()
        return clip_and_add(per_patient, self._parameters, clipping_norm)

    def empty(self) -> ClippedSum:
        return empty_sum(self._parameters)

    def detach(self) -> None:
        self._forget()
        self._wrapped.to_standard_module()

    def _forget(self) -> None:
        """Drop what earlier passes left: a stale gradient would be added again."""
        for parameter in self._parameters.values():
            parameter.grad_sample = None  # type: ignore[attr-defined]

    def _per_patient(self, patients: Patients) -> dict[str, Tensor]:
        found = {}
        for name, parameter in self._parameters.items():
            rows = getattr(parameter, "grad_sample", None)
            if rows is None:
                if parameter.grad is not None:
                    raise ModelError(
                        f"Opacus has no gradient per row for {name}: it is used outside its layer, "
                        "or an earlier forward pass was abandoned"
                    )
                continue
            if isinstance(rows, list) or len(rows) != len(patients.owner):
                raise ModelError(f"Opacus gives no gradient per row for {name}")
            if id(parameter) in self._padded:
                rows[:, self._padded[id(parameter)]] = 0.0
            found[name] = add_rows(rows, patients.owner, patients.count)
        return found


def _padding_rows(model: nn.Module) -> dict[int, int]:
    """Find embeddings' padding rows, which never train but get a gradient from Opacus."""
    return {
        id(module.weight): module.padding_idx
        for module in model.modules()
        if isinstance(module, nn.Embedding) and module.padding_idx is not None
    }


def check_supported(model: nn.Module) -> None:
    """Refuse what Opacus would get wrong without saying so."""
    seen: set[int] = set()
    for name, module in model.named_modules():
        if has_shared_positions(module):
            raise ModelError(f"Opacus mixes the rows' gradients of {name}: use another engine")
        for local, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad and id(parameter) in seen:
                raise ModelError(f"{local} is shared by two layers: use another engine")
            seen.add(id(parameter))
