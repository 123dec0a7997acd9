"""Clipped sums by Opacus' ghost clipping: norms first, then a second, weighted backward pass.

A reference beside the others: it needs no memory for per-sample gradients, two backward passes, and
can only take a patient of one row, since norms of rows do not add up to the norm of their sum.
"""

from typing import Any

import torch
from opacus.grad_sample import GradSampleModuleFastGradientClipping
from torch import Tensor, nn

from fedclinic.errors import ModelError
from fedclinic.privacy.opacus_hooks import check_supported
from fedclinic.privacy.per_sample import (
    ClippedSum,
    Patients,
    clip_factors,
    empty_sum,
    gradients_kept,
    patients_of,
    precise,
    trainable_parameters,
)


class OpacusGhost:
    """Wraps a model's layers in Opacus' ghost clipping; see `PerSampleEngine`."""

    def __init__(self, model: nn.Module) -> None:
        """Attach to `model`.

        Raises:
            ModelError: if Opacus does not support the model, or would get it wrong.
        """
        self._parameters = trainable_parameters(model)
        check_supported(model)
        if any(isinstance(m, nn.Embedding) and _trains(m) for m in model.modules()):
            raise ModelError("ghost norms count an embedding's padding row: use another engine")
        try:
            self._wrapped: Any = GradSampleModuleFastGradientClipping(
                model, loss_reduction="sum", max_grad_norm=1.0
            )
        except (NotImplementedError, ValueError) as error:
            raise ModelError("Opacus does not support a layer of the model") from error

    def clipped_sum(
        self, losses: Tensor, grouping: Patients | None = None, *, clipping_norm: float
    ) -> ClippedSum:
        patients = patients_of(losses, grouping)
        if not len(losses):
            return self.empty()
        if int(torch.bincount(patients.owner).max()) > 1:
            raise ModelError("ghost norms take patients of one row")
        norms = self._norms(losses)
        clip = clip_factors(precise(norms).square(), clipping_norm)
        if clip.non_finite:
            raise ModelError("ghost clipping cannot leave a gradient out that is not finite")
        weighted = (clip.factors.to(losses.dtype) * losses).sum()
        gradients = torch.autograd.grad(
            weighted, list(self._parameters.values()), allow_unused=True
        )
        total = self.empty()
        for name, gradient in zip(self._parameters, gradients, strict=True):
            if gradient is not None:
                total.gradients[name] += precise(gradient)
        return ClippedSum(total.gradients, clip.clipped, clip.non_finite)

    def empty(self) -> ClippedSum:
        return empty_sum(self._parameters)

    def detach(self) -> None:
        self._wrapped.to_standard_module()

    def _norms(self, losses: Tensor) -> Tensor:
        """Gradient norms, shape (rows,), by a first pass that leaves no gradient behind."""
        self._wrapped.enable_hooks()
        try:
            with gradients_kept(self._parameters):
                torch.autograd.backward(losses.sum(), retain_graph=True)
            norms: Tensor = self._wrapped.get_norm_sample()
        except (AttributeError, NotImplementedError, ValueError) as error:
            raise ModelError("Opacus has no ghost norm for a parameter of the model") from error
        finally:
            self._wrapped.disable_hooks()
            for p in self._parameters.values():
                p._norm_sample = None  # type: ignore[attr-defined]
        return norms


def _trains(module: nn.Module) -> bool:
    return any(p.requires_grad for p in module.parameters(recurse=False))
