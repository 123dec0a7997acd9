"""Every accountant by name, to be set beside the one of record; needs the `site` extra.

Apart from fedclinic.privacy.accounting because Opacus brings torch, which a coordinator has not.
"""

from collections.abc import Callable, Mapping, Sequence

from opacus.accountants import PRVAccountant

from fedclinic.privacy.accounting import check_delta, epsilon, epsilon_by_rdp, merge_equal
from fedclinic.privacy.mechanism import Mechanism

_PRV_SMALL = 1.0
"""Below this epsilon, PRV's own error of 0.01 would be more than a percent: it is made smaller."""


def epsilon_by_prv(mechanisms: Sequence[Mechanism], *, delta: float) -> float:
    """Epsilon by Opacus' PRV accountant (Gopi et al. 2021, arXiv:2106.02848).

    Runs out of memory or returns infinity on extreme mechanisms.
    """
    check_delta(delta)
    accountant = PRVAccountant()
    accountant.history = [
        (mechanism.noise_multiplier, mechanism.sampling_rate, mechanism.steps)
        for mechanism in merge_equal(mechanisms)
    ]
    coarse = float(accountant.get_epsilon(delta=delta))
    if coarse > _PRV_SMALL:
        return coarse
    return float(accountant.get_epsilon(delta=delta, eps_error=coarse / 100))


ACCOUNTANTS: Mapping[str, Callable[..., float]] = {
    "PLD": epsilon,
    "RDP": epsilon_by_rdp,
    "PRV": epsilon_by_prv,
}
"""Accountants by name, each `(mechanisms, *, delta) -> epsilon`; PLD is of record."""
