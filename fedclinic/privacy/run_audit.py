"""Put canary patients and their head beside a site's notes for one round, and take them out again.

A trainer that holds a `RunAudit` does three things more: it attaches its engine to `audit.network`
instead of its model, adds `audit.losses` to its rows' losses, and hands every released step to
`audit.take`, which keeps the canaries' part and returns the model's. Real rows have zero input at
the canaries' weights, and canaries have no target: neither changes what the other contributes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

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

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """The model's own output; the head has none that is released."""
        output: Tensor = self.model(hidden, mask)
        return output


@dataclass(frozen=True)
class RunAudit:
    """One round's canaries: their head, which rows are theirs, and what their steps showed."""

    network: Audited
    """What the engine attaches to and a forward pass goes through."""
    canary_of_row: IntArray
    """Shape (rows,): the canary's number, or NO_CANARY for a real row."""
    trace: AuditTrace

    def losses(self, rows: IntArray) -> Tensor:
        """Audit loss of some rows of the batch, shape (rows,); 0 for real ones."""
        head = self.network.audit
        numbers = torch.from_numpy(self.canary_of_row[rows]).to(head.left.weight.device)
        losses: Tensor = head(numbers)
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
        if len(places) == len(asked):
            return self.inner.batch(rows)
        if len(places):
            hidden, mask = self.inner.batch(asked[places].tolist())
        else:
            hidden, mask = self._nobody
        all_hidden = hidden.new_zeros((len(asked), *hidden.shape[1:]))
        all_mask = mask.new_zeros((len(asked), mask.shape[1]))
        all_mask[:, 0] = 1
        if len(places):
            chosen = torch.from_numpy(places).to(hidden.device)
            all_hidden[chosen], all_mask[chosen] = hidden, mask
        return all_hidden, all_mask

    @cached_property
    def _nobody(self) -> tuple[Tensor, Tensor]:
        """Hidden states and mask of one token of no row, for their widths and types."""
        hidden, mask = self.inner.batch([int(np.flatnonzero(self.canary_of_row == NO_CANARY)[0])])
        return hidden[:0, :1], mask[:0, :1]


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
    model: nn.Module,
    canary_of_row: IntArray,
    *,
    canaries: int,
    clipping_norm: float,
    expected_patients: float,
) -> RunAudit:
    """Begin the audit of one round: a head of zeros beside `model`, on its device."""
    head = AuditHead(canaries).to(next(model.parameters()).device)
    trace = AuditTrace(clipping_norm=clipping_norm, expected_patients=expected_patients)
    return RunAudit(Audited(model, head), canary_of_row, trace)
