"""Divide the patients of one corpus over sites, so that each patient is at exactly one of them.

A unit is a patient, or a document where a corpus names no patients; its number is its place in
`EncodedNotes.notes_of_patient`. The same seed gives the same sites.
"""

from collections.abc import Hashable, Sequence

import numpy as np

from fedclinic.errors import ConfigError
from fedclinic.learning.tasks import IntArray

_DRAWS = 200
"""Dirichlet draws before giving up on one that leaves every site enough units."""


def by_group(groups: Sequence[Hashable]) -> tuple[IntArray, ...]:
    """Give each group of units a site of its own, the largest group first.

    `groups` holds one value a unit, such as the hospital, department or document it comes from.
    """
    places: dict[Hashable, list[int]] = {}
    for unit, group in enumerate(groups):
        places.setdefault(group, []).append(unit)
    ordered = sorted(places.values(), key=lambda units: (-len(units), units[0]))
    return tuple(np.array(units) for units in ordered)


def iid(units: int, *, sites: int, seed: int) -> tuple[IntArray, ...]:
    """Deal units out at random, in parts that differ by one at most.

    Raises:
        ConfigError: if there are fewer units than sites.
    """
    _check_sites(units, sites, at_least=1)
    order = np.random.default_rng([seed, 1]).permutation(units)
    return tuple(np.sort(part) for part in np.array_split(order, sites))


def dirichlet(
    labels: IntArray, *, sites: int, alpha: float, seed: int, at_least: int = 1
) -> tuple[IntArray, ...]:
    """Divide the units of each label over the sites in proportions drawn from Dirichlet(alpha).

    The smaller `alpha`, the more the sites differ in labels and in size. A draw that leaves a site
    with fewer than `at_least` units is drawn again.

    Source: Yurochkin et al. 2019, "Bayesian Nonparametric Federated Learning of Neural Networks",
    arXiv 1905.12022, section 4.

    Raises:
        ConfigError: if there are too few units, or `alpha` is so small that no draw would do.
    """
    _check_sites(len(labels), sites, at_least=at_least)
    if alpha <= 0:
        raise ConfigError(f"Dirichlet's alpha is a number above 0, not {alpha}")
    generator = np.random.default_rng([seed, 2])
    for _ in range(_DRAWS):
        parts = _draw(labels, sites, alpha, generator)
        if min(len(part) for part in parts) >= at_least:
            return parts
    raise ConfigError(
        f"Dirichlet({alpha}) leaves one of {sites} sites with fewer than {at_least} of "
        f"{len(labels)} patients in each of {_DRAWS} draws: take fewer sites or a larger alpha"
    )


def _draw(
    labels: IntArray, sites: int, alpha: float, generator: np.random.Generator
) -> tuple[IntArray, ...]:
    parts: list[list[IntArray]] = [[] for _ in range(sites)]
    for label in np.unique(labels):
        units = generator.permutation(np.flatnonzero(labels == label))
        shares = generator.dirichlet(np.full(sites, alpha))
        cuts = np.rint(np.cumsum(shares)[:-1] * len(units)).astype(np.int64)
        for part, piece in zip(parts, np.split(units, cuts), strict=True):
            part.append(piece)
    return tuple(np.sort(np.concatenate(part)) for part in parts)


def _check_sites(units: int, sites: int, *, at_least: int) -> None:
    if sites < 1 or units < sites * at_least:
        raise ConfigError(f"{units} patients cannot be divided over {sites} sites")
