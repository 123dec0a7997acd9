"""What an audit is about, as numbers: who the canaries are and what the steps showed of them."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from fedclinic.errors import EvidenceError
from fedclinic.privacy.random_stream import RandomStream

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Canaries:
    """Which canaries are among the patients: one fair coin each, secret until the run has ended."""

    coins: Bools
    """Shape (canaries,)."""

    def included(self) -> npt.NDArray[np.int64]:
        return np.flatnonzero(self.coins).astype(np.int64)


def flip_coins(canaries: int, stream: RandomStream) -> Canaries:
    return Canaries(stream.integers(np.full(canaries, 2)) == 1)


@dataclass(frozen=True)
class Coordinates:
    """The canaries' weights' noised gradients: shape (steps, canaries) each, in units of C."""

    left: Floats
    right: Floats

    @property
    def signal(self) -> Floats:
        """1 where a canary joined, 0 where not, plus noise of the planned multiplier."""
        return (self.left + self.right) / math.sqrt(2)

    @property
    def noise(self) -> Floats:
        """Noise of the planned multiplier, for canaries in and out."""
        return (self.left - self.right) / math.sqrt(2)

    def then(self, later: "Coordinates") -> "Coordinates":
        """Join the steps of a later round with the same canaries."""
        return Coordinates(
            np.concatenate([self.left, later.left]), np.concatenate([self.right, later.right])
        )

    def tobytes(self) -> bytes:
        """A canonical encoding: float32, little-endian, left then right, step after step."""
        return self.left.astype("<f4").tobytes() + self.right.astype("<f4").tobytes()

    @classmethod
    def of_bytes(cls, content: bytes, *, steps: int, canaries: int) -> Self:
        """Read the encoding back.

        Raises:
            EvidenceError: if it is not that of so many steps and canaries, or not finite.
        """
        if len(content) != encoded_bytes(steps=steps, canaries=canaries):
            raise EvidenceError(f"not the coordinates of {canaries} canaries over {steps} steps")
        both = np.frombuffer(content, dtype="<f4").astype(np.float64)
        if not np.isfinite(both).all():
            raise EvidenceError("the canaries' coordinates are not finite")
        left, right = both.reshape(2, steps, canaries)
        return cls(left, right)


def encoded_bytes(*, steps: int, canaries: int) -> int:
    """Size of what `Coordinates.tobytes` writes."""
    return 2 * steps * canaries * np.dtype("<f4").itemsize
