"""From the logits of some rows to their losses, by the task and by what the site annotates."""

import numpy as np
import torch
from torch import Tensor

from fedclinic.learning.losses import (
    document_losses,
    label_losses,
    merge_unannotated,
    row_loss_of_tokens,
)
from fedclinic.learning.tasks import IGNORED, EncodedNotes, IntArray


def losses_of_rows(
    notes: EncodedNotes, rows: IntArray, logits: Tensor, *, shares: Tensor
) -> Tensor:
    """Loss of each row, shape (rows,); `shares` as in `row_loss_of_tokens`."""
    targets = _padded_targets(notes, rows, logits)
    if notes.several_labels:
        return label_losses(logits, targets)
    if logits.dim() == 2:
        return document_losses(logits, targets, _label_weights(notes, logits))
    if notes.unannotated:
        logits = merge_unannotated(logits, notes.unannotated)
    return row_loss_of_tokens(logits, targets, shares)


def _padded_targets(notes: EncodedNotes, rows: IntArray, logits: Tensor) -> Tensor:
    width = 1 if logits.dim() == 2 and not notes.several_labels else logits.shape[1]
    targets = np.full((len(rows), width), IGNORED, dtype=np.int64)
    for index, row in enumerate(rows):
        values = notes.rows[row].targets
        targets[index, : len(values)] = values
    return torch.from_numpy(targets).to(logits.device)


def _label_weights(notes: EncodedNotes, logits: Tensor) -> Tensor | None:
    weights = notes.weight_of_label
    return None if weights is None else torch.from_numpy(weights).to(logits.device)
