"""Robust means of one round's admitted updates, streamed; a method says which one is used.

Sites are taken in the order of their names and every sum is made in float64 in that order, so the
result does not depend on who answered first and a replay gives the same bits. Only a slice of one
tensor of each site is in memory at a time, beside the result.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from fedclinic.errors import AdmissionError
from fedclinic.updates.admission import squared_norm
from fedclinic.updates.codec import Array, Tensors, read_into, schema_of
from fedclinic.updates.layout import TensorSchema

_SLICE_ELEMENTS = 1 << 16
"""Elements that are summed at once: the float64 slices of the sum stay in a core's cache."""

_CENTRE = ""
"""Stands for the centre among the sites of a sum; no site has an empty name."""

Combine = Callable[[NDArray[np.float32]], NDArray[np.floating]]
"""From the same slice of every site's update, of shape (sites, elements), to one slice."""


def norm_bounded_mean(
    updates: Mapping[str, Tensors], weights: Mapping[str, float], *, max_norm: float
) -> dict[str, Array]:
    """Average updates, each first scaled down to `max_norm` if it is longer.

    Weights are those of the plan, renormalised over the sites that are here. Admission refuses
    longer updates, so nothing is scaled unless the caller skipped it; `math.inf` reads no norms.

    Source: Sun et al. 2019, arXiv 1911.07963, section 4 (norm thresholding).
    """
    shares = renormalise(updates, weights)
    if math.isfinite(max_norm):
        norms = update_norms(updates)
        shares = {site: share * _shrink(norms[site], max_norm) for site, share in shares.items()}
    return weighted_sum(updates, shares)


def mean_by_senders(
    updates: Mapping[str, Tensors], weights: Mapping[str, float]
) -> dict[str, Array]:
    """Average each tensor over the sites that sent it, weights renormalised over them.

    If every site sent every tensor, it is the weighted mean bit for bit. A tensor that nobody sent
    is not in the result.
    """
    senders_of: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for site in sorted(updates):
        for name in updates[site]:
            senders_of[name] += (site,)
    names_from: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in sorted(senders_of):
        names_from[senders_of[name]].append(name)
    mean: dict[str, Array] = {}
    for senders, names in names_from.items():
        sent = {site: updates[site] for site in senders}
        mean |= weighted_sum(sent, renormalise(sent, weights), names=frozenset(names))
    return dict(sorted(mean.items()))


def trimmed_mean(
    updates: Mapping[str, Tensors], weights: Mapping[str, float], *, trim: int
) -> dict[str, Array]:
    """Average each coordinate without its `trim` smallest and `trim` largest values.

    Raises:
        AdmissionError: if that would leave nothing.

    Source: Yin et al. 2018, arXiv 1803.01498, definition 2; the weights are ours.
    """
    shares = np.array(list(renormalise(updates, weights).values()))
    sites = len(shares)
    if trim < 0 or 2 * trim >= sites:
        raise AdmissionError(f"trimming {trim} at each end of {sites} sites leaves none")

    def combine(columns: NDArray[np.float32]) -> NDArray[np.floating]:
        order = np.argsort(columns, axis=0, kind="stable")[trim : sites - trim]
        kept_shares = shares[order]
        kept = np.take_along_axis(columns, order, axis=0) * kept_shares
        total: NDArray[np.float64] = kept.sum(axis=0) / kept_shares.sum(axis=0)
        return total

    return _combine_slices(updates, combine)


def centred_clipping(
    updates: Mapping[str, Tensors], weights: Mapping[str, float], *, iterations: int
) -> dict[str, Array]:
    """Average updates after clipping each one's distance to the current centre.

    The centre starts as the coordinate-wise median, the radius is the median distance to it.

    Source: Karimireddy, He, Jaggi 2021, arXiv 2012.10333, equation 3; start and radius are ours,
    as the paper starts from the last round's centre and tunes the radius.
    """
    shares = renormalise(updates, weights)
    centre = _combine_slices(updates, lambda columns: np.median(columns, axis=0))
    radius = float(np.median(list(_distances(updates, centre).values())))
    for _ in range(iterations):
        distances = _distances(updates, centre)
        kept = {site: share * _shrink(distances[site], radius) for site, share in shares.items()}
        # v + sum w_i c_i (x_i - v) = (1 - sum w_i c_i) v + sum w_i c_i x_i
        factors = {_CENTRE: 1.0 - math.fsum(kept.values()), **kept}
        centre = weighted_sum({_CENTRE: centre, **updates}, factors)
    return centre


def renormalise(sites: Mapping[str, object], weights: Mapping[str, float]) -> dict[str, float]:
    """Scale the plan's weights to sum to 1 over the sites that are here, sorted by name.

    Raises:
        AdmissionError: if no site is here, or one has no weight in the plan.
    """
    unknown = sorted(sites.keys() - weights.keys())
    if unknown:
        raise AdmissionError(f"site {unknown[0]} has no weight in the plan")
    if not sites:
        raise AdmissionError("no update was admitted")
    total = math.fsum(weights[site] for site in sites)
    return {site: weights[site] / total for site in sorted(sites)}


def update_norms(updates: Mapping[str, Tensors]) -> dict[str, float]:
    """L2 norm of each site's update over all its tensors."""
    return {site: tensors_norm(update) for site, update in updates.items()}


def tensors_norm(tensors: Tensors) -> float:
    return math.sqrt(math.fsum(squared_norm(tensors[name]) for name in tensors))


def weighted_sum(
    updates: Mapping[str, Tensors],
    factors: Mapping[str, float],
    *,
    names: Collection[str] | None = None,
) -> dict[str, Array]:
    """Add updates, each times its factor; `names` limits it to some tensors, which all must have.

    Raises:
        AdmissionError: if the updates do not share these tensors and their shapes.
    """
    schema = _common_schema(updates, names)
    result = {name: np.empty(shape, dtype=np.float32) for name, shape in schema.items()}
    part = np.empty(_SLICE_ELEMENTS, dtype=np.float32)
    total, term = np.empty((2, _SLICE_ELEMENTS), dtype=np.float64)
    for name, start, count in _slices(schema):
        total[:count] = 0
        for site in sorted(updates):
            read_into(updates[site], name, start, part[:count])
            np.multiply(part[:count], factors[site], out=term[:count], dtype=np.float64)
            np.add(total[:count], term[:count], out=total[:count])
        result[name].reshape(-1)[start : start + count] = total[:count]
    return result


def _combine_slices(updates: Mapping[str, Tensors], combine: Combine) -> dict[str, Array]:
    schema = _common_schema(updates)
    result = {name: np.empty(shape, dtype=np.float32) for name, shape in schema.items()}
    for name, start, count in _slices(schema):
        columns = np.empty((len(updates), count), dtype=np.float32)
        for row, site in zip(columns, sorted(updates), strict=True):
            read_into(updates[site], name, start, row)
        result[name].reshape(-1)[start : start + count] = combine(columns)
    return result


def _slices(schema: TensorSchema) -> Iterator[tuple[str, int, int]]:
    """Cut every tensor into slices: its name, the first element, the number of elements."""
    for name, shape in schema.items():
        size = math.prod(shape)
        for start in range(0, size, _SLICE_ELEMENTS):
            yield name, start, min(_SLICE_ELEMENTS, size - start)


def _distances(updates: Mapping[str, Tensors], centre: Tensors) -> dict[str, float]:
    return {
        site: math.sqrt(math.fsum(squared_norm(update[name] - centre[name]) for name in centre))
        for site, update in updates.items()
    }


def _shrink(length: float, limit: float) -> float:
    return 1.0 if length <= limit else limit / length


def _common_schema(
    updates: Mapping[str, Tensors], names: Collection[str] | None = None
) -> dict[str, tuple[int, ...]]:
    schemas = [
        {
            name: shape
            for name, shape in sorted(schema_of(update).items())
            if names is None or name in names
        }
        for update in updates.values()
    ]
    if any(schema != schemas[0] for schema in schemas):
        raise AdmissionError("the updates do not have the same tensors")
    return schemas[0]
