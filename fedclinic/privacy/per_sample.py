"""The sum of clipped per-patient gradients: what engines promise, and arithmetic they share.

Sensitivity: with clipping norm C, adding or removing one patient moves the sum by at most C in L2
norm, because each patient's whole contribution is scaled to at most C before it is added
(Abadi et al. 2016, arXiv:1607.00133). The privacy unit is the patient, never the note.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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


@dataclass(frozen=True)
class Patients:
    """How the rows of a batch belong to patients."""

    owner: Tensor
    """Shape (rows,): the patient of each row."""
    count: int
    table: Tensor | None
    """Shape (patients, most rows of a patient): row numbers, padded with `rows`; None if each
    row is the patient of the same number."""

    @classmethod
    def of(cls, owner: Tensor, count: int) -> "Patients":
        """Group rows by their patients' numbers, shape (rows,), each below `count`.

        Raises:
            ValueError: if a number is not.
        """
        rows = len(owner)
        if rows and not 0 <= int(owner.min()) <= int(owner.max()) < count:
            raise ValueError("a patient number lies outside the batch's patients")
        owner = owner.to(torch.long)
        if count == rows and bool((owner == torch.arange(rows, device=owner.device)).all()):
            return cls(owner, count, None)
        sizes = torch.bincount(owner, minlength=count)
        order = torch.argsort(owner, stable=True)
        first = torch.cumsum(sizes, 0) - sizes
        position = torch.arange(rows, device=owner.device) - first[owner[order]]
        table = torch.full((count, int(sizes.max())), rows, device=owner.device)
        table[owner[order], position] = order
        return cls(owner, count, table)

    @classmethod
    def of_rows(cls, losses: Tensor) -> "Patients":
        """Each row of `losses` is a patient."""
        return cls(torch.arange(len(losses), device=losses.device), len(losses), None)

    def gather(self, rows: Tensor, some: slice) -> Tensor:
        """Fold the rows of some patients into their tokens: (patients, rows * tokens, width)."""
        if self.table is None:
            return precise(rows[some])
        table = self.table[some]
        taken = rows[table.clamp(max=len(rows) - 1)].masked_fill(
            (table == len(rows))[..., None, None], 0.0
        )
        return precise(taken.flatten(1, 2))


def patients_of(losses: Tensor, grouping: Patients | None) -> Patients:
    """The patients of a batch's rows; without a grouping, each row is one.

    Raises:
        ValueError: if the grouping is not of as many rows.
    """
    if grouping is None:
        return Patients.of_rows(losses)
    if len(grouping.owner) != len(losses):
        raise ValueError(f"patients of {len(grouping.owner)} rows, and {len(losses)} losses")
    return grouping


class PerSampleEngine(Protocol):
    """Computes exact per-patient clipped sums for one model, which it listens to until detached."""

    def clipped_sum(
        self, losses: Tensor, grouping: Patients | None = None, *, clipping_norm: float
    ) -> ClippedSum:
        """Back-propagate `losses` and sum the clipped gradients.

        Args:
            losses: shape (rows,); entry i depends on row i of the batch only.
            grouping: a patient's rows are summed before clipping and must all be in this batch.
                None: each row is a patient.
            clipping_norm: L2 bound of one patient's contribution.
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


@contextmanager
def gradients_kept(parameters: dict[str, nn.Parameter]) -> Iterator[None]:
    """Let a backward pass begin without gradients, and put back those that were there."""
    before = {name: p.grad for name, p in parameters.items()}
    for p in parameters.values():
        p.grad = None
    try:
        yield
    finally:
        for name, p in parameters.items():
            p.grad = before[name]


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


def add_rows(per_row: Tensor, owner: Tensor, count: int) -> Tensor:
    """Sum rows into those that own them: (rows, ...) to (count, ...)."""
    total = torch.zeros(
        (count, *per_row.shape[1:]), dtype=sum_dtype(per_row), device=per_row.device
    )
    return total.index_add_(0, owner, precise(per_row))
