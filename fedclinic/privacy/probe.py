"""A synthetic site whose every gradient is known, and the door through which a trainer is tested.

Its patients are canaries with a huge gradient on two weights of their own, silent patients without
any gradient, loud ones with a large gradient everywhere, and one whose gradient is not finite.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.audit_coordinates import Coordinates, Floats
from fedclinic.privacy.random_stream import RandomStream

FEATURES, HIDDEN = 8, 12
IGNORED = -100
"""Target of a row that takes no part in the loss."""
_PULL = 1e4


class ProbeModel(nn.Module):
    """A small network beside two layers of canary weights; (rows, tokens, width) to (rows, 2)."""

    def __init__(self, canaries: int) -> None:
        super().__init__()
        self.canaries = canaries
        self.inner = nn.Linear(FEATURES, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN)
        self.head = nn.Linear(HIDDEN, 2)
        self.left = nn.Linear(canaries, 1, bias=False)
        self.right = nn.Linear(canaries, 1, bias=False)
        nn.init.zeros_(self.left.weight)
        nn.init.zeros_(self.right.weight)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        weights = mask.to(hidden.dtype).unsqueeze(-1)
        pooled = (hidden * weights).sum(1) / weights.sum(1)
        marks, features = pooled[:, : self.canaries], pooled[:, self.canaries :]
        logits: Tensor = self.head(torch.tanh(self.norm(self.inner(features))))
        pull = _PULL * (self.left(marks) + self.right(marks))
        return logits + torch.cat([pull, -pull], 1)


@dataclass(frozen=True)
class ProbeNote:
    """One note: a mark or features on each of its tokens."""

    canary: int | None
    features: Floats
    """Shape (FEATURES,)."""
    target: int
    tokens: int = 1


@dataclass(frozen=True)
class ProbeSite:
    """A model and patients for one trainer to train, by plain SGD at a constant rate."""

    model: ProbeModel
    patients: tuple[tuple[ProbeNote, ...], ...]
    learning_rate: float

    @cached_property
    def notes(self) -> list[ProbeNote]:
        """Every note, patient after patient."""
        return [note for notes in self.patients for note in notes]

    def notes_of_patient(self) -> list[npt.NDArray[np.int64]]:
        ends = np.cumsum([len(notes) for notes in self.patients], dtype=np.int64)
        return [
            np.arange(end - len(notes), end) for end, notes in zip(ends, self.patients, strict=True)
        ]

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Hidden states (rows, tokens, canaries + FEATURES) and mask (rows, tokens) of notes."""
        notes = self.notes
        longest = max(notes[row].tokens for row in rows)
        hidden = torch.zeros(len(rows), longest, self.model.canaries + FEATURES)
        mask = torch.zeros(len(rows), longest, dtype=torch.long)
        for index, row in enumerate(rows):
            note = notes[row]
            if note.canary is not None:
                hidden[index, :, note.canary] = 1.0
            hidden[index, : note.tokens, self.model.canaries :] = torch.from_numpy(
                note.features
            ).float()
            mask[index, : note.tokens] = 1
        return hidden, mask


class Trainer(Protocol):
    """Trains a probe site's model in place for one round, as production trains a real one."""

    def __call__(
        self,
        site: ProbeSite,
        privacy: PatientPrivacy,
        stream: RandomStream,
        after_step: Callable[[], None],
    ) -> None: ...


def canary(number: int, notes: int = 4) -> tuple[ProbeNote, ...]:
    """A patient of several notes, each with the largest possible gradient on its own weights."""
    return (ProbeNote(number, np.zeros(FEATURES), 0),) * notes


def silent() -> tuple[ProbeNote, ...]:
    """A patient without any gradient."""
    return (ProbeNote(None, np.zeros(FEATURES), IGNORED),)


def loud(seed: int, *, notes: int = 1, tokens: int = 1, size: float = 1.0) -> tuple[ProbeNote, ...]:
    """A patient with a gradient on every shared weight; the same for the same seed."""
    drawn = np.random.default_rng(seed).normal(size=FEATURES) * size
    return (ProbeNote(None, drawn, seed % 2, tokens),) * notes


def not_finite() -> tuple[ProbeNote, ...]:
    """A patient whose gradient is not a number."""
    return (ProbeNote(None, np.full(FEATURES, np.nan), 1),)


def make_site(
    patients: Sequence[tuple[ProbeNote, ...]], *, canaries: int = 1, learning_rate: float = 1.0
) -> ProbeSite:
    """Put patients beside a model that is the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = ProbeModel(canaries)
    return ProbeSite(model, tuple(patients), learning_rate)


def released(
    trainer: Trainer, site: ProbeSite, privacy: PatientPrivacy, stream: RandomStream
) -> list[dict[str, Floats]]:
    """Train and return each step's released sum, in units of the clipping norm, by parameter.

    Read from the change of the weights: change times the plan's divisor, over learning rate and C.
    """
    steps: list[dict[str, Floats]] = []
    before = _snapshot(site.model)
    scale = privacy.expected_patients / (site.learning_rate * privacy.clipping_norm)

    def note_change() -> None:
        nonlocal before
        now = _snapshot(site.model)
        steps.append({name: (now[name] - before[name]) * scale for name in now})
        before = now

    trainer(site, privacy, stream, note_change)
    return steps


def coordinates_of(steps: Sequence[dict[str, Floats]]) -> Coordinates:
    """The canaries' part of what was released."""
    return Coordinates(
        np.stack([step["left.weight"].ravel() for step in steps]),
        np.stack([step["right.weight"].ravel() for step in steps]),
    )


def _snapshot(model: nn.Module) -> dict[str, Floats]:
    return {name: p.detach().double().cpu().numpy().copy() for name, p in model.named_parameters()}
