"""The sum of clipped per-patient gradients: what engines promise, and arithmetic they share.

Sensitivity: with clipping norm C, adding or removing one patient moves the sum by at most C in L2
norm, because each patient's whole contribution is scaled to at most C before it is added
(Abadi et al. 2016, arXiv:1607.00133). The privacy unit is the patient, never the note.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from fedclinic.errors import ModelError


@dataclass(frozen=True)
class ClippedSum:
    """A sum of clipped gradients over patients; no noise yet, so it must not leave the site."""

    gradients: dict[str, Tensor]
    """One tensor a trainable parameter, by its name in the model; zeros if it took no part."""
    clipped: int
    """Patients whose gradient was longer than the clipping norm; private."""
    non_finite: int
    """Patients whose gradient was not finite and who therefore contribute zero; private."""

    def plus(self, other: "ClippedSum") -> "ClippedSum":
        """Add another physical batch of the same step. Reuses this sum's tensors."""
        for name, gradient in other.gradients.items():
            self.gradients[name] += gradient
        return ClippedSum(
            self.gradients, self.clipped + other.clipped, self.non_finite + other.non_finite
        )


class PerSampleEngine(Protocol):
    """Computes exact per-patient clipped sums for one model, which it listens to until detached."""

    def clipped_sum(
        self,
        losses: Tensor,
        *,
        clipping_norm: float,
        patient_of_row: Tensor | None = None,
        patients: int | None = None,
    ) -> ClippedSum:
        """Back-propagate `losses` and sum the clipped gradients.

        Args:
            losses: shape (rows,); entry i depends on row i of the batch only.
            clipping_norm: L2 bound of one patient's contribution.
            patient_of_row: shape (rows,), a number below `patients`; a patient's rows are summed
                before clipping and must all be in this batch. None: each row is a patient.
        """
        ...

    def empty(self) -> ClippedSum:
        """The sum over no patients: zeros for every trainable parameter."""
        ...

    def detach(self) -> None:
        """Leave the model as it was found."""
        ...


def trainable_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Name the parameters that train; a shared parameter appears once.

    Raises:
        ModelError: if nothing trains.
    """
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not named:
        raise ModelError("the model has no trainable parameter")
    return named


def empty_sum(parameters: dict[str, nn.Parameter]) -> ClippedSum:
    return ClippedSum(
        {name: torch.zeros_like(p, dtype=sum_dtype(p)) for name, p in parameters.items()}, 0, 0
    )


def sum_dtype(tensor: Tensor) -> torch.dtype:
    """Norms and sums are computed in float32 at least, whatever the model computes in."""
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def precise(tensor: Tensor) -> Tensor:
    return tensor.to(sum_dtype(tensor))


@dataclass(frozen=True)
class ClipFactors:
    """How much of each patient's gradient enters the sum."""

    factors: Tensor
    """Shape (patients,): min(1, C / norm), and 0 where the norm is not finite."""
    clipped: int
    non_finite: int
    dropped: Tensor
    """Shape (patients,), true where the norm is not finite."""


def clip_factors(squared_norms: Tensor, clipping_norm: float) -> ClipFactors:
    """Turn squared gradient norms, shape (patients,), into clip factors."""
    if not clipping_norm > 0:
        raise ValueError(f"a clipping norm is positive, not {clipping_norm}")
    norms = squared_norms.sqrt()
    dropped = ~torch.isfinite(norms)
    too_long = (norms > clipping_norm) & ~dropped
    factors = torch.where(too_long, clipping_norm / norms, torch.ones_like(norms))
    factors = factors.masked_fill(dropped, 0.0)
    return ClipFactors(factors, int(too_long.sum()), int(dropped.sum()), dropped)


def rows_of_patients(
    rows: int, patient_of_row: Tensor | None, patients: int | None, device: torch.device
) -> Tensor:
    """Return each row's patient, shape (rows,), checked.

    Raises:
        ValueError: if the numbers do not fit together.
    """
    if patient_of_row is None:
        if patients is not None and patients != rows:
            raise ValueError(f"{rows} rows without grouping are not {patients} patients")
        return torch.arange(rows, device=device)
    if patients is None or patient_of_row.shape != (rows,):
        raise ValueError("grouping needs one patient number a row, and the number of patients")
    if rows and not 0 <= int(patient_of_row.min()) <= int(patient_of_row.max()) < patients:
        raise ValueError("a patient number lies outside the batch's patients")
    return patient_of_row.to(device=device, dtype=torch.long)


def clip_and_add(
    per_patient: dict[str, Tensor], parameters: dict[str, nn.Parameter], clipping_norm: float
) -> ClippedSum:
    """Clip whole per-patient gradients, each of shape (patients, *parameter), and add them up."""
    total = empty_sum(parameters)
    if not per_patient:
        return total
    squared = sum_tensors(
        torch.linalg.vector_norm(g.flatten(1), dim=1).square() for g in per_patient.values()
    )
    clip = clip_factors(squared, clipping_norm)
    for name, gradient in per_patient.items():
        kept = gradient.flatten(1).masked_fill(clip.dropped[:, None], 0.0)
        total.gradients[name] += (clip.factors @ kept).view_as(total.gradients[name])
    return ClippedSum(total.gradients, clip.clipped, clip.non_finite)


def sum_tensors(tensors: Iterable[Tensor]) -> Tensor:
    iterator = iter(tensors)
    total = next(iterator)
    for tensor in iterator:
        total = total + tensor
    return total


def add_rows(per_row: Tensor, patient_of_row: Tensor, patients: int) -> Tensor:
    """Sum rows into patients: (rows, ...) to (patients, ...)."""
    total = torch.zeros(
        (patients, *per_row.shape[1:]), dtype=sum_dtype(per_row), device=per_row.device
    )
    return total.index_add_(0, patient_of_row, precise(per_row))
