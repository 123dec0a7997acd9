"""Put canary patients and their head beside a site's notes for one round, and take them out again.

A trainer that holds a `RunAudit` does three things more: it attaches its engine to `audit.around`
its model, adds `audit.losses` to its rows' losses, and hands every released step to `audit.take`,
which keeps the canaries' part and returns the model's. Real rows have zero input at the canaries'
weights, and canaries have no target: neither changes what the other contributes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from fedclinic.learning.hidden_states import HiddenStates
from fedclinic.learning.tasks import IGNORED, EncodedNotes, IntArray, Row
from fedclinic.privacy.audit_coordinates import Canaries
from fedclinic.privacy.audit_head import NO_CANARY, NOTES_A_CANARY, AuditHead, AuditTrace

_MODEL, _AUDIT = "model.", "audit."


class Audited(nn.Module):
    """A model and the canaries' head side by side, for an engine to listen to both."""

    def __init__(self, model: nn.Module, audit: AuditHead) -> None:
        super().__init__()
        self.model, self.audit = model, audit


@dataclass(frozen=True)
class RunAudit:
    """One round's canaries: their head, which rows are theirs, and what their steps showed."""

    head: AuditHead
    canary_of_row: IntArray
    """Shape (rows,): the canary's number, or NO_CANARY for a real row."""
    trace: AuditTrace

    def around(self, model: nn.Module) -> Audited:
        """What the engine attaches to instead of `model`."""
        return Audited(model, self.head)

    def losses(self, rows: IntArray) -> Tensor:
        """Audit loss of some rows of the batch, shape (rows,); 0 for real ones."""
        weight = self.head.left.weight
        numbers = torch.from_numpy(self.canary_of_row[rows]).to(weight.device)
        losses: Tensor = self.head(numbers)
        return losses

    def take(self, released: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Keep the canaries' part of a noised step; return the model's under its own names."""
        self.trace.record(released, prefix=_AUDIT)
        return {
            name.removeprefix(_MODEL): values
            for name, values in released.items()
            if name.startswith(_MODEL)
        }


@dataclass(frozen=True)
class CanaryStates:
    """Hidden states in which a canary's row is one token of zeros."""

    inner: HiddenStates
    canary_of_row: IntArray

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        asked = np.asarray(rows)
        places = np.flatnonzero(self.canary_of_row[asked] == NO_CANARY)
        real = places if len(places) else np.zeros(1, dtype=np.int64)
        index = asked[real] if len(places) else np.zeros(1, dtype=np.int64)
        hidden, mask = self.inner.batch(index.tolist())
        all_hidden = hidden.new_zeros((len(asked), *hidden.shape[1:]))
        all_mask = mask.new_zeros((len(asked), mask.shape[1]))
        all_mask[:, 0] = 1
        if len(places):
            chosen = torch.from_numpy(places).to(hidden.device)
            all_hidden[chosen], all_mask[chosen] = hidden, mask
        return all_hidden, all_mask


def add_canaries(notes: EncodedNotes, canaries: Canaries) -> tuple[EncodedNotes, IntArray]:
    """Append the included canaries as patients of several empty notes.

    Returns:
        The notes, and each row's canary or NO_CANARY.
    """
    nowhere = np.full(1, -1)
    empty = Row(np.zeros(1, dtype=np.int64), np.array([IGNORED]), nowhere, nowhere)
    included = canaries.included()
    extra = len(included) * NOTES_A_CANARY
    first_row, first_note = len(notes.rows), notes.notes
    more = replace(
        notes,
        rows=(*notes.rows, *(empty,) * extra),
        rows_of_note=(*notes.rows_of_note, *(np.array([first_row + i]) for i in range(extra))),
        notes_of_patient=(
            *notes.notes_of_patient,
            *(
                first_note + np.arange(i * NOTES_A_CANARY, (i + 1) * NOTES_A_CANARY)
                for i in range(len(included))
            ),
        ),
        entities_of_note=(*notes.entities_of_note, *((),) * extra),
    )
    real = np.full(first_row, NO_CANARY, dtype=np.int64)
    return more, np.concatenate([real, np.repeat(included, NOTES_A_CANARY)])


def start_audit(
    canary_of_row: IntArray, *, canaries: int, clipping_norm: float, expected_patients: float
) -> RunAudit:
    """Begin the audit of one round."""
    trace = AuditTrace(clipping_norm=clipping_norm, expected_patients=expected_patients)
    return RunAudit(AuditHead(canaries), canary_of_row, trace)
