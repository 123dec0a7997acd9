"""The trunk's input for a batch of rows: computed by the frozen stem, or read from a cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from fedclinic.learning.layers import Stem
from fedclinic.learning.tasks import IntArray, Row


class HiddenStates(Protocol):
    """Gives hidden states at the cut, (rows, tokens, hidden), and a mask (rows, tokens)."""

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True)
class Precision:
    """Where and in which number format the frozen part and the trunk compute; never the noise."""

    device: torch.device
    bf16: bool

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16)


def pad_token_ids(rows: Sequence[Row]) -> tuple[Tensor, Tensor]:
    """Pad rows to the longest: ids (rows, tokens) filled with 0, and a mask of the same shape."""
    longest = max(len(row.token_ids) for row in rows)
    ids = np.zeros((len(rows), longest), dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row.token_ids)] = row.token_ids
        mask[index, : len(row.token_ids)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


@dataclass(frozen=True)
class ComputedHiddenStates:
    """Runs the stem for every batch."""

    stem: Stem
    rows: tuple[Row, ...]
    precision: Precision

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        ids, mask = pad_token_ids([self.rows[index] for index in rows])
        ids, mask = ids.to(self.precision.device), mask.to(self.precision.device)
        with torch.no_grad(), self.precision.autocast():
            hidden = self.stem(ids, mask)
        return hidden.float(), mask


@dataclass(frozen=True)
class KeptHiddenStates:
    """A few rows' hidden states, each of shape (tokens, hidden), computed once and kept."""

    values: tuple[Tensor, ...]

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        chosen = [self.values[row] for row in rows]
        mask = [torch.ones(len(each), dtype=torch.long, device=each.device) for each in chosen]
        return pad_sequence(chosen, batch_first=True), pad_sequence(mask, batch_first=True)


def keep_hidden_states(computed: ComputedHiddenStates) -> KeptHiddenStates:
    """Compute all rows' hidden states, row by row in memory."""
    values: list[Tensor] = []
    for row in range(len(computed.rows)):
        hidden, _ = computed.batch([row])
        values.append(hidden[0])
    return KeptHiddenStates(tuple(values))


@dataclass(frozen=True)
class JoinedHiddenStates:
    """The rows of one source, then those of another."""

    first: HiddenStates
    rows: int
    """Rows of the first."""
    second: HiddenStates

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        asked = np.asarray(rows)
        ours = asked < self.rows
        if ours.all():
            return self.first.batch(rows)
        if not ours.any():
            return self.second.batch((asked - self.rows).tolist())
        parts = (
            (ours, self.first.batch(asked[ours].tolist())),
            (~ours, self.second.batch((asked[~ours] - self.rows).tolist())),
        )
        longest = max(hidden.shape[1] for _, (hidden, _) in parts)
        like, like_mask = parts[0][1]
        all_hidden = like.new_zeros((len(asked), longest, like.shape[2]))
        all_mask = like_mask.new_zeros((len(asked), longest))
        for places, (hidden, mask) in parts:
            chosen = torch.from_numpy(np.flatnonzero(places)).to(hidden.device)
            all_hidden[chosen, : hidden.shape[1]] = hidden.to(like.dtype)
            all_mask[chosen, : mask.shape[1]] = mask
        return all_hidden, all_mask


@dataclass(frozen=True)
class CachedHiddenStates:
    """Reads rows from one array of all tokens, shape (all tokens, hidden), float16."""

    values: NDArray[np.float16]
    starts: IntArray
    """Shape (rows + 1,): where each row's tokens start in `values`."""
    precision: Precision

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        lengths = [int(self.starts[row + 1] - self.starts[row]) for row in rows]
        hidden = np.zeros((len(rows), max(lengths), self.values.shape[1]), dtype=np.float32)
        mask = np.zeros((len(rows), max(lengths)), dtype=np.int64)
        for index, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            start = int(self.starts[row])
            hidden[index, :length] = self.values[start : start + length]
            mask[index, :length] = 1
        device = self.precision.device
        return torch.from_numpy(hidden).to(device), torch.from_numpy(mask).to(device)
