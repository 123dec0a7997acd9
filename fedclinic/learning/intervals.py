"""How sure a measured quality is, given how many patients it was measured on.

The interval answers: had other patients of the same kind been drawn, where would the metric be? It
takes the evaluation's patients for a random sample, and says nothing of patients of another kind.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fedclinic.deid.bounds import clopper_pearson
from fedclinic.learning.metrics import Tally

CONFIDENCE = 0.95
RESAMPLES = 1000
AT_ONCE = 50
FEWEST_PATIENTS = 10
"""With fewer patients no interval is given: drawing them again tells little."""

Interval = tuple[float, float]


def intervals(tally: Tally, notes_of_patient: Sequence[NDArray[np.int64]]) -> dict[str, Interval]:
    """95 % intervals of each metric that has one.

    Patients, each with all notes, are drawn again with replacement (percentile bootstrap, Efron
    1979; fixed seed). A share is not surer than as many independent notes would make it (Clopper
    and Pearson 1934), which matters where nothing or everything was right. A metric that drawing
    again never changes, and that is no share, has none.
    """
    if len(notes_of_patient) < FEWEST_PATIENTS:
        return {}
    by_patient = np.stack([tally.counts[notes].sum(0) for notes in notes_of_patient])
    drawn = _drawn_again(tally, by_patient)
    total = by_patient.sum(0)
    found = {}
    for name, values in drawn.items():
        low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        if name in tally.shares:
            right, tried = (int(total[column]) for column in tally.shares[name])
            exact = clopper_pearson(right, tried, confidence=CONFIDENCE)
            low, high = min(low, exact.lower), max(high, exact.upper)
        if low < high:
            found[name] = (float(low), float(high))
    return found


def _drawn_again(tally: Tally, by_patient: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Each metric of RESAMPLES draws of as many patients as there are."""
    patients = len(by_patient)
    random = np.random.default_rng(0)
    even = np.full(patients, 1 / patients)
    parts = [
        tally.metrics_of(random.multinomial(patients, even, size=AT_ONCE) @ by_patient)
        for _ in range(RESAMPLES // AT_ONCE)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
