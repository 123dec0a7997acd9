"""Canary coordinates that train beside the model, so that a run shows its own noise and sampling.

Two bias-free linear layers with one weight a canary. A canary is a synthetic patient with several
notes, no task loss and a huge audit loss on its own two weights; real patients have zero input
there. So the released model is unchanged, no epsilon is spent on it, and every step's noised
gradient at those weights is a sample of what the trainer did to a patient with the largest
possible gradient. The layers are stripped before release.

With clipping norm C, a canary that joins adds C / sqrt(2) to its weight in each layer. In units of
C, (a + b) / sqrt(2) is then 1 plus noise, and (a - b) / sqrt(2) is noise for everybody.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from fedclinic.privacy.audit_coordinates import Coordinates, Floats

NO_CANARY = -1
NOTES_A_CANARY = 4
"""More than one, so that a trainer whose unit is the note shows."""

_PULL = 1e4
"""Gradient of the audit loss at a canary's weight: far above any clipping norm."""


class AuditHead(nn.Module):
    """The canaries' weights: two layers, so that clipping each layer by itself shows."""

    def __init__(self, canaries: int) -> None:
        super().__init__()
        self.canaries = canaries
        self.left = nn.Linear(canaries, 1, bias=False)
        self.right = nn.Linear(canaries, 1, bias=False)
        nn.init.zeros_(self.left.weight)
        nn.init.zeros_(self.right.weight)

    def forward(self, canary_of_row: Tensor) -> Tensor:
        """Return each row's audit loss, shape (rows,): 0 where the row is no canary's.

        Args:
            canary_of_row: shape (rows,), the canary's number or NO_CANARY.
        """
        present = canary_of_row != NO_CANARY
        inputs = self.left.weight.new_zeros((len(canary_of_row), self.canaries))
        rows = torch.nonzero(present).flatten()
        inputs[rows, canary_of_row[rows]] = 1.0
        output: Tensor = self.left(inputs) + self.right(inputs)
        return -_PULL * output.squeeze(1) * present


class AuditTrace:
    """What a round's steps released at the canaries' weights, in units of the clipping norm."""

    def __init__(self, *, clipping_norm: float, expected_patients: float) -> None:
        self._scale = expected_patients / clipping_norm
        self._steps: list[tuple[Floats, Floats]] = []

    def record(self, released: Mapping[str, Tensor], *, prefix: str) -> None:
        """Note one step's noised mean gradient; `prefix` is the head's name in the model.

        The sign is turned, so that a canary that joined reads +1.
        """
        left, right = (
            -self._scale * released[f"{prefix}{name}.weight"].double().flatten().cpu().numpy()
            for name in ("left", "right")
        )
        self._steps.append((left, right))

    def coordinates(self) -> Coordinates:
        left = np.stack([one for one, _ in self._steps])
        right = np.stack([other for _, other in self._steps])
        return Coordinates(left, right)
