"""Which patients join a step, and with which note; knows nothing of models."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fedclinic.errors import DataError
from fedclinic.privacy.random_stream import RandomStream

Indices = npt.NDArray[np.int64]


def poisson_sample(patients: int, sampling_rate: float, stream: RandomStream) -> Indices:
    """Let each of `patients` join independently with probability `sampling_rate`.

    The number that joins is random and secret; it may be 0. Adding or removing a patient changes
    no other patient's chance, which is what the accountant's amplification assumes.
    """
    if not 0 < sampling_rate <= 1:
        raise ValueError(f"a sampling rate lies in (0, 1], not {sampling_rate}")
    return np.flatnonzero(stream.uniform(patients) < sampling_rate).astype(np.int64)


def draw_one_note(
    notes_of: Sequence[npt.NDArray[np.int64]],
    chosen: npt.NDArray[np.int64],
    stream: RandomStream,
) -> Indices:
    """Draw one note, uniformly, of each chosen patient; `notes_of[patient]` lists its notes.

    Raises:
        DataError: if a chosen patient has no note.
    """
    counts = np.array([len(notes_of[patient]) for patient in chosen], dtype=np.int64)
    if counts.size and counts.min() == 0:
        raise DataError(f"{int((counts == 0).sum())} sampled patients have no notes")
    drawn = stream.integers(counts)
    return np.array(
        [notes_of[patient][which] for patient, which in zip(chosen, drawn, strict=True)],
        dtype=np.int64,
    )
