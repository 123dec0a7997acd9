"""How far sites agree on a part of their change, and which sites say the opposite of the others.

Ours: FedTLU's score cannot see a sign flip, and neither can a mean. A site is contrary in a part of
the model where its change points away from what the others' unit changes add up to, by more than
independent noise would. It is left out of that part in that round, as long as fewer than half of
the sites are. An honest site whose notes teach the opposite of all others' is left out too.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from fedclinic.updates.admission import squared_norm
from fedclinic.updates.aggregate import renormalise, weighted_sum
from fedclinic.updates.codec import Array, Tensors

CHANCE = 4.0
"""Standard deviations, 1 / sqrt(n) each, of the cosine of two independent changes of n elements."""


def agreement_of(
    updates: Mapping[str, Tensors], weights: Mapping[str, float], names: Sequence[str]
) -> float:
    """How far the sites that sent a block agree on its change."""
    senders = {site: update for site, update in updates.items() if names[0] in update}
    return agreement(senders, renormalise(senders, weights), names)


def agreement(
    updates: Mapping[str, Tensors], shares: Mapping[str, float], names: Sequence[str]
) -> float:
    """Weighted mean cosine between two different sites' changes of a block, at least 0.

    With u_i the unit changes: (||sum q_i u_i||^2 - sum q_i^2) / (1 - sum q_i^2); 1 for one site.
    """
    alone = math.fsum(share**2 for share in shares.values())
    if len(shares) == 1:
        return 1.0
    factors = unit_factors(updates, shares, names)
    total = math.fsum(
        squared_norm(weighted_sum(updates, factors, names=(name,))[name]) for name in names
    )
    return max(0.0, (total - alone) / (1 - alone))


def agreeing_mean(
    updates: Mapping[str, Tensors], weights: Mapping[str, float], parts: Sequence[Sequence[str]]
) -> dict[str, Array]:
    """Average each part over the sites that sent it and are not contrary in it.

    `parts` are tensors that are judged together; with no contrary site this is the mean over those
    that sent them, bit for bit.
    """
    mean: dict[str, Array] = {}
    for names in parts:
        sent = {site: update for site, update in updates.items() if names[0] in update}
        contrary = contrary_sites(sent, renormalise(sent, weights), names)
        kept = {site: update for site, update in sent.items() if site not in contrary}
        mean |= weighted_sum(kept, renormalise(kept, weights), names=frozenset(names))
    return dict(sorted(mean.items()))


def contrary_sites(
    updates: Mapping[str, Tensors], shares: Mapping[str, float], names: Sequence[str]
) -> frozenset[str]:
    """The sites whose change of these tensors points against the others'; none if half would.

    With u_i the unit changes and T = sum q_j u_j, the others' is T - q_i u_i, and the cosine is
    (u_i T - q_i) / sqrt(T T - 2 q_i u_i T + q_i^2).
    """
    factors = unit_factors(updates, shares, names)
    along = dict.fromkeys(updates, 0.0)
    length, elements = 0.0, 0
    for name in names:
        total = weighted_sum(updates, factors, names=(name,))[name].reshape(-1)
        length += squared_norm(total)
        elements += total.size
        for site, update in updates.items():
            unit = factors[site] / shares[site]
            along[site] += unit * float(np.dot(update[name].reshape(-1), total))
    contrary = set()
    for site, share in shares.items():
        others = math.sqrt(max(length - 2 * share * along[site] + share**2, 0.0))
        if along[site] - share < -CHANCE / math.sqrt(elements) * others:
            contrary.add(site)
    return frozenset(contrary) if 2 * len(contrary) < len(updates) else frozenset()


def unit_factors(
    updates: Mapping[str, Tensors], shares: Mapping[str, float], names: Sequence[str]
) -> dict[str, float]:
    """What each site's change of these tensors is multiplied by to have its share as its length."""
    factors = {}
    for site, share in shares.items():
        norm = math.sqrt(math.fsum(squared_norm(updates[site][name]) for name in names))
        factors[site] = share / norm if norm > 0 else 0.0
    return factors
