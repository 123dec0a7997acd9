"""What bad sites do: falsify their labels before training, or their update after it.

Attackers know what every honest site sent and act as one, which is more than a real attacker has.
They are parts of a benchmark; nothing here can reach a federation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from fedclinic.learning.tasks import IGNORED, EncodedNotes
from fedclinic.simulation.update_table import UpdateTable

Values = NDArray[np.float32]

_SLICE = 1 << 16
"""Elements of all updates that are looked at together."""


@dataclass(frozen=True)
class Falsified:
    """What an attacker sees of one slice of the updates."""

    own: Values
    """What the bad site would send, (elements,)."""
    honest_mean: Values
    honest_deviation: Values
    bad_share: float
    """Bad sites over all sites."""
    random: np.random.Generator


def _noise(seen: Falsified) -> Values:
    """Gaussian noise of three times the update's own size, in its place."""
    size = 3 * float(np.sqrt(np.mean(np.square(seen.own, dtype=np.float64))))
    return (size * seen.random.standard_normal(len(seen.own))).astype(np.float32)


def _sign_flip(seen: Falsified) -> Values:
    return -seen.own


def _constant_shift(seen: Falsified) -> Values:
    """The update plus the same number everywhere: ten times its own root mean square."""
    size = 10 * float(np.sqrt(np.mean(np.square(seen.own, dtype=np.float64))))
    return seen.own + np.float32(size)


def _scaling(seen: Falsified) -> Values:
    """Twenty times the update, the other way."""
    return np.float32(-20) * seen.own


def _little_is_enough(seen: Falsified) -> Values:
    """Stay within the honest spread, all attackers at one end of it.

    mean - z deviation, z = Phi^-1((h - s) / h), h the share of honest sites and s that of those
    which must be won over for a majority. Source: Baruch, Baruch, Goldberg 2019, "A Little Is
    Enough", arXiv 1902.06156, section 3.
    """
    honest = 1 - seen.bad_share
    needed = max(0.5 - seen.bad_share, 0.0)
    z = float(stats.norm.ppf(max((honest - needed) / honest, 0.55)))
    return (seen.honest_mean - z * seen.honest_deviation).astype(np.float32)


def _inner_product(seen: Falsified) -> Values:
    """Point against the honest mean: -0.6 of it.

    Source: Xie, Koyejo, Gupta 2019, "Fall of Empires", arXiv 1903.03936, section 3.
    """
    return np.float32(-0.6) * seen.honest_mean


UPDATE_ATTACKS: dict[str, Callable[[Falsified], Values]] = {
    "noise": _noise,
    "sign_flip": _sign_flip,
    "constant_shift": _constant_shift,
    "scaling": _scaling,
    "alie": _little_is_enough,
    "ipm": _inner_product,
}
LABEL_FLIP = "label_flip"
ATTACKS = (LABEL_FLIP, *UPDATE_ATTACKS)


def flip_labels(notes: EncodedNotes, classes: int) -> EncodedNotes:
    """Replace class c by classes - 1 - c everywhere; what is not labelled stays so."""
    rows = tuple(
        replace(
            row,
            targets=np.where(row.targets == IGNORED, IGNORED, classes - 1 - row.targets),
        )
        for row in notes.rows
    )
    return replace(notes, rows=rows)


def falsify(
    table: UpdateTable, bad: Sequence[str], attack: str, random: np.random.Generator
) -> None:
    """Overwrite the bad sites' updates in place, looking at a slice of all updates at a time."""
    honest = [site for site in table.sites() if site not in bad]
    size = len(table.row(honest[0]))
    for start in range(0, size, _SLICE):
        part = slice(start, min(start + _SLICE, size))
        columns = np.stack([table.row(site)[part] for site in honest])
        mean, deviation = columns.mean(0), columns.std(0)
        for site in bad:
            seen = Falsified(
                own=table.row(site)[part].copy(),
                honest_mean=mean,
                honest_deviation=deviation,
                bad_share=len(bad) / (len(bad) + len(honest)),
                random=random,
            )
            table.row(site)[part] = UPDATE_ATTACKS[attack](seen)
