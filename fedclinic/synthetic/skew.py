"""How unlike the hospitals of a cohort are: each one's mix of services."""

import numpy as np
import numpy.typing as npt

from fedclinic.synthetic.kinds import SERVICES

_FLOOR = 1e-4
"""Smallest share before balancing: a service that a hospital hardly ever sees."""


def service_shares(seed: int, hospitals: int, alpha: float) -> npt.NDArray[np.float64]:
    """Draw each hospital's mix of services, shape `(hospitals, services)`, rows summing to 1.

    Every service is as common as any other over all hospitals together; the smaller `alpha`, the
    more the hospitals differ.

    Source: Dirichlet label skew, Hsu, Qi and Brown 2019; balanced by Sinkhorn and Knopp 1967.
    """
    rng = np.random.default_rng([seed, hospitals])
    shares = rng.dirichlet([alpha] * len(SERVICES), size=hospitals) + _FLOOR
    for _ in range(500):
        shares *= hospitals / len(SERVICES) / shares.sum(axis=0)
        shares /= shares.sum(axis=1, keepdims=True)
    return shares
