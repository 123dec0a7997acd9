"""Group notes into the batches that a forward pass takes; changes speed and memory, never a sum."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from fedclinic.learning.tasks import IGNORED, EncodedNotes, IntArray

PHYSICAL_ROWS = 32
"""Rows in one forward pass; changes memory and speed only, never the update."""
FEW_TOKENS = 1024
"""Tokens that a forward pass may always have: more rows than `PHYSICAL_ROWS`, if they are short."""


def note_shares(notes: EncodedNotes, chosen: Sequence[int] | IntArray) -> Tensor:
    """The part of its note's labelled positions that each row of the chosen notes holds."""
    shares: list[float] = []
    for note in chosen:
        labelled = [
            int((notes.rows[row].targets != IGNORED).sum()) for row in notes.rows_of_note[note]
        ]
        total = max(sum(labelled), 1)
        shares.extend(count / total for count in labelled)
    return torch.tensor(shares)


def physical_batches(notes: EncodedNotes, patients: Sequence[IntArray]) -> Iterator[list[IntArray]]:
    """Group patients whose notes are of similar length, about PHYSICAL_ROWS rows a group."""

    def length(own: IntArray) -> int:
        return max(len(notes.rows[row].token_ids) for n in own for row in notes.rows_of_note[n])

    batch: list[IntArray] = []
    rows = 0
    for own in sorted(patients, key=length):
        size = rows_of(notes, own)
        many = rows + size > PHYSICAL_ROWS and (rows + size) * length(own) > FEW_TOKENS
        if batch and many:
            yield batch
            batch, rows = [], 0
        batch.append(own)
        rows += size
    if batch:
        yield batch


def rows_of(notes: EncodedNotes, own: IntArray) -> int:
    """How many rows some notes have together."""
    return sum(len(notes.rows_of_note[note]) for note in own)


def shuffled_batches(
    notes: EncodedNotes, size: int, order: np.random.Generator
) -> Iterator[IntArray]:
    """Batches in random order whose notes are of similar length, which halves the padding."""
    shuffled = order.permutation(notes.notes)
    window = size * 16
    batches: list[IntArray] = []
    for start in range(0, len(shuffled), window):
        part = shuffled[start : start + window]
        lengths = [len(notes.rows[notes.rows_of_note[note][0]].token_ids) for note in part]
        part = part[np.argsort(lengths, kind="stable")]
        batches.extend(part[i : i + size] for i in range(0, len(part), size))
    for index in order.permutation(len(batches)):
        yield batches[index]
