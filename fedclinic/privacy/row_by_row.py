"""Per-sample gradients by one backward pass a row: slow, and right for any model.

The fallback for what the faster engines refuse, such as a parameter used outside its layer. It
takes one patient a batch: in a graph that patients share, another's infinity times zero would
reach this one's gradient, and so one patient would change what the others contribute.
"""

import torch
from torch import Tensor, nn

from fedclinic.errors import ModelError
from fedclinic.privacy.per_sample import (
    ClippedSum,
    Patients,
    clip_and_add,
    empty_sum,
    patients_of,
    precise,
    trainable_parameters,
)


class RowByRow:
    """The plain definition of the clipped sum; changes nothing in the model."""

    def __init__(self, model: nn.Module) -> None:
        self._parameters = trainable_parameters(model)

    def clipped_sum(
        self, losses: Tensor, grouping: Patients | None = None, *, clipping_norm: float
    ) -> ClippedSum:
        patients = patients_of(losses, grouping)
        if not len(losses):
            return self.empty()
        if patients.count != 1:
            raise ModelError("row by row takes one patient a batch")
        rows = [
            torch.autograd.grad(
                loss,
                list(self._parameters.values()),
                retain_graph=row + 1 < len(losses),
                materialize_grads=True,
            )
            for row, loss in enumerate(losses)
        ]
        per_patient = {
            name: torch.stack([precise(g) for g in gradients]).sum(0, keepdim=True)
            for name, gradients in zip(self._parameters, zip(*rows, strict=True), strict=True)
        }
        return clip_and_add(per_patient, self._parameters, clipping_norm)

    def empty(self) -> ClippedSum:
        return empty_sum(self._parameters)

    def detach(self) -> None:
        """Nothing to undo."""
