"""Per-patient gradients of single parameters from a layer's inputs and output gradients; no hooks.

A layer y = f(x; w) called on rows gives, for its weight, gradients that factor: outer products for
linear layers, scattered rows for embeddings, plain vectors for biases and norm scales. Norms come
either from the Gram matrices of the factors ("ghost norm", Li et al. 2022, arXiv:2110.05679) or
from the gradient itself, whichever is cheaper, and the clipped sum from one product
("book-keeping", Bu et al. 2023, arXiv:2210.00038).
"""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from fedclinic.privacy.per_sample import ClipFactors, Patients, add_rows, precise, sum_dtype

KEEP_BYTES = 64 << 20
"""Instantiated per-patient gradients of one parameter are kept for the sum up to this size."""
SCRATCH_BYTES = 32 << 20


class ParameterGradient(Protocol):
    """The gradients of one parameter for every patient of a batch, held in some factored form."""

    def squared_norms(self) -> Tensor:
        """Shape (patients,)."""
        ...

    def weighted_sum(self, clip: ClipFactors) -> Tensor:
        """Sum of the patients' gradients times their factors, in the parameter's shape."""
        ...

    def per_patient(self) -> Tensor:
        """Shape (patients, *parameter); as large as it sounds."""
        ...


class Dense:
    """Gradients that are simply there, shape (patients, *parameter)."""

    def __init__(self, gradients: Tensor) -> None:
        self._gradients = gradients

    def squared_norms(self) -> Tensor:
        norms: Tensor = torch.linalg.vector_norm(self._gradients.flatten(1), dim=1)
        return norms.square()

    def weighted_sum(self, clip: ClipFactors) -> Tensor:
        kept = self._gradients.flatten(1)
        if clip.non_finite:
            kept = kept.masked_fill(clip.dropped[:, None], 0.0)
        return (clip.factors.to(kept.dtype) @ kept).view(self._gradients.shape[1:])

    def per_patient(self) -> Tensor:
        return self._gradients


class OuterProducts:
    """Gradients of a linear weight: the sum over tokens of output gradient times input."""

    def __init__(
        self, inputs: Tensor, gradients: Tensor, patients: Patients, *, transposed: bool
    ) -> None:
        """Hold the factors.

        Args:
            inputs: shape (rows, tokens, width in).
            gradients: shape (rows, tokens, width out).
            patients: how rows belong to patients.
            transposed: the weight is (in, out), as in GPT-2's Conv1D, instead of (out, in).
        """
        self._inputs, self._gradients = inputs, gradients
        self._patients, self._transposed = patients, transposed
        self._kept: Tensor | None = None

    def squared_norms(self) -> Tensor:
        most_rows = 1 if self._patients.table is None else self._patients.table.shape[1]
        tokens = self._inputs.shape[1] * most_rows
        wide = self._inputs.shape[2] + self._gradients.shape[2]
        area = self._inputs.shape[2] * self._gradients.shape[2]
        size = precise(self._inputs[:0]).element_size()
        if tokens * wide < area:
            step = max(1, SCRATCH_BYTES // (2 * tokens * tokens * size))
            return torch.cat([_gram_norms(x, g) for x, g in self._chunks(step)])
        if self._patients.count * area * size <= KEEP_BYTES:
            self._kept = self.per_patient()
            return Dense(self._kept).squared_norms()
        step = max(1, SCRATCH_BYTES // (area * size))
        return torch.cat(
            [Dense(g.transpose(1, 2) @ x).squared_norms() for x, g in self._chunks(step)]
        )

    def weighted_sum(self, clip: ClipFactors) -> Tensor:
        if self._kept is not None:
            return Dense(self._kept).weighted_sum(clip)
        inputs, gradients = precise(self._inputs), precise(self._gradients)
        weights = clip.factors[self._patients.owner][:, None, None]
        if clip.non_finite:
            bad = clip.dropped[self._patients.owner][:, None, None]
            inputs, gradients = inputs.masked_fill(bad, 0.0), gradients.masked_fill(bad, 0.0)
        total = (gradients * weights).flatten(0, 1).T @ inputs.flatten(0, 1)
        return total.T if self._transposed else total

    def per_patient(self) -> Tensor:
        gradients = torch.cat(
            [g.transpose(1, 2) @ x for x, g in self._chunks(self._patients.count)]
        )
        return gradients.transpose(1, 2) if self._transposed else gradients

    def _chunks(self, step: int) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, self._patients.count, step):
            some = slice(start, start + step)
            yield (
                self._patients.gather(self._inputs, some),
                self._patients.gather(self._gradients, some),
            )


class Lookups:
    """Gradients of an embedding: output gradients scattered to the rows of the looked-up tokens."""

    def __init__(
        self, ids: Tensor, gradients: Tensor, patients: Patients, *, shape: torch.Size
    ) -> None:
        """Hold the factors.

        Args:
            ids: shape (rows, tokens).
            gradients: shape (rows, tokens, width), zero where the token is padding.
            patients: how rows belong to patients.
            shape: (vocabulary, width) of the embedding.
        """
        self._shape, self._count = shape, patients.count
        key = patients.owner[:, None] * shape[0] + ids
        self._keys, inverse = torch.unique(key.flatten(), return_inverse=True)
        self._values = add_rows(gradients.flatten(0, 1), inverse, len(self._keys))

    def squared_norms(self) -> Tensor:
        squared = self._values.square().sum(1)
        total = squared.new_zeros(self._count)
        return total.index_add_(0, self._keys // self._shape[0], squared)

    def weighted_sum(self, clip: ClipFactors) -> Tensor:
        owner = self._keys // self._shape[0]
        values = self._values
        if clip.non_finite:
            values = values.masked_fill(clip.dropped[owner][:, None], 0.0)
        total = values.new_zeros(self._shape)
        return total.index_add_(
            0, self._keys % self._shape[0], values * clip.factors[owner].to(values.dtype)[:, None]
        )

    def per_patient(self) -> Tensor:
        total = self._values.new_zeros((self._count * self._shape[0], self._shape[1]))
        total[self._keys] = self._values
        return total.view(self._count, *self._shape)


def token_sums(per_token: Tensor, patients: Patients) -> Dense:
    """Gradients of a bias or scale: (rows, tokens, width) summed over tokens and patients' rows."""
    summed = per_token.sum(1, dtype=sum_dtype(per_token))
    if patients.table is None:
        return Dense(summed)
    return Dense(add_rows(summed, patients.owner, patients.count))


def _gram_norms(inputs: Tensor, gradients: Tensor) -> Tensor:
    """Squared norms of sum_t g_t x_t^T as <X X^T, G G^T>, rounded up so that they never fall short.

    Cancellation may lose 4 units of rounding of the product of the Gram matrices' own norms, so
    that much is added: an upper bound keeps the sensitivity at the clipping norm.
    """
    x_gram = inputs @ inputs.transpose(1, 2)
    g_gram = gradients @ gradients.transpose(1, 2)
    rounding = 4 * torch.finfo(x_gram.dtype).eps
    size: Tensor = torch.linalg.matrix_norm(x_gram) * torch.linalg.matrix_norm(g_gram)
    product: Tensor = (x_gram * g_gram).sum((1, 2))
    return product.clamp(min=0.0) + rounding * size
