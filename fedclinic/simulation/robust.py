"""Means that bad sites move less, in front of any method: it sees their result as one update."""

from collections.abc import Callable, Mapping

import numpy as np

from fedclinic.updates.aggregate import (
    centred_clipping,
    norm_bounded_mean,
    trimmed_mean,
    update_norms,
)
from fedclinic.updates.codec import Tensors

Robust = Callable[[Mapping[str, Tensors], Mapping[str, float]], Tensors]
"""From the admitted updates and the plan's weights to one update."""

_TRIMMED_SHARE = 0.3
"""Share of the sites that the trimmed mean leaves out at each end."""
_CLIPPING_ITERATIONS = 5


def _norm_bound(updates: Mapping[str, Tensors], weights: Mapping[str, float]) -> Tensors:
    """Bound every update by the median norm of the round."""
    bound = float(np.median(list(update_norms(updates).values())))
    return norm_bounded_mean(updates, weights, max_norm=bound)


def _trimmed(updates: Mapping[str, Tensors], weights: Mapping[str, float]) -> Tensors:
    trim = min(int(_TRIMMED_SHARE * len(updates)), (len(updates) - 1) // 2)
    return trimmed_mean(updates, weights, trim=trim)


def _centred(updates: Mapping[str, Tensors], weights: Mapping[str, float]) -> Tensors:
    return centred_clipping(updates, weights, iterations=_CLIPPING_ITERATIONS)


ROBUST_MEANS: dict[str, Robust] = {
    "norm_bound": _norm_bound,
    "trimmed_mean": _trimmed,
    "centred_clipping": _centred,
}
