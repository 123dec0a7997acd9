"""How much privacy mechanisms spend together: the PLD accountant, and others beside it.

Adjacency is adding or removing one patient, the privacy unit is the patient (see `Mechanism`).
Sources: privacy loss distributions by connect-the-dots, Doroshenko et al. 2022 (arXiv:2207.04380),
as implemented by google's dp-accounting, pessimistic at every step; Renyi divergence of the
subsampled Gaussian, Mironov, Talwar and Zhang 2019 (arXiv:1908.10530), equation 3.
No torch here: a coordinator accounts too.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import numpy as np
from dp_accounting import dp_event, rdp
from dp_accounting.pld import privacy_loss_distribution
from scipy.optimize import brentq
from scipy.special import gammaln, logsumexp

from fedclinic.errors import ConfigError
from fedclinic.privacy.mechanism import Mechanism

DISCRETIZATION = 2e-4
"""Grid of the privacy loss; always pessimistic: 1.5 % high at epsilon 0.01, 0.001 % at 4."""

_NOISE_STEP = 1e-4
_NOISE_LARGEST = 1e4
_NOISE_SMALLEST = 0.05


@dataclass(frozen=True)
class ComposedPrivacy:
    """The composition of the mechanisms so far: one more round costs one convolution."""

    rounds: int = 0
    _loss: Any = field(default=None, repr=False)
    """dp-accounting's PrivacyLossDistribution; None before the first round."""

    def then(self, mechanism: Mechanism) -> "ComposedPrivacy":
        """Compose one more round."""
        loss = _round_loss(mechanism.noise_multiplier, mechanism.sampling_rate, mechanism.steps)
        total = loss if self._loss is None else self._loss.compose(loss)
        return ComposedPrivacy(self.rounds + 1, total)

    def epsilon(self, *, delta: float) -> float:
        """Epsilon of everything composed so far; 0 before the first round."""
        check_delta(delta)
        return 0.0 if self._loss is None else float(self._loss.get_epsilon_for_delta(delta))


def epsilon(mechanisms: Sequence[Mechanism], *, delta: float) -> float:
    """Epsilon of all `mechanisms` together, for adding or removing one patient (PLD, of record).

    Mechanisms are composed, never epsilons added; equal noise and rate are composed by count.
    """
    check_delta(delta)
    total = ComposedPrivacy()
    for mechanism in merge_equal(mechanisms):
        total = total.then(mechanism)
    return total.epsilon(delta=delta)


def calibrate_noise_multiplier(
    *, target_epsilon: float, delta: float, sampling_rate: float, steps: int
) -> float:
    """Find the smallest noise multiplier, to 4 decimals rounded up, that keeps `target_epsilon`.

    The answer is verified to stay at or below the target. It is never below 0.05.

    Raises:
        ConfigError: if no noise multiplier up to 10,000 reaches the target.
    """
    check_delta(delta)
    if not (0 < sampling_rate <= 1 and steps >= 1 and 0 < target_epsilon < math.inf):
        raise ConfigError(
            f"no noise multiplier exists for epsilon {target_epsilon}, "
            f"sampling rate {sampling_rate}, {steps} steps"
        )

    @cache
    def excess(noise: float) -> float:
        mechanism = Mechanism(noise_multiplier=noise, sampling_rate=sampling_rate, steps=steps)
        return epsilon([mechanism], delta=delta) - target_epsilon

    low, high = _bracket(excess)
    if high > _NOISE_LARGEST:
        raise ConfigError(
            f"epsilon {target_epsilon} at delta {delta} is out of reach for {steps} steps at "
            f"sampling rate {sampling_rate}: even noise multiplier {_NOISE_LARGEST:.0f} spends more"
        )
    root = brentq(excess, low, high, xtol=_NOISE_STEP / 4) if excess(low) > 0 else _NOISE_SMALLEST
    ticks = math.ceil(root / _NOISE_STEP)
    while excess(round(ticks * _NOISE_STEP, 4)) > 0:
        ticks += 1
    return round(ticks * _NOISE_STEP, 4)


def _bracket(excess: Callable[[float], float]) -> tuple[float, float]:
    """Return noise multipliers around the root by doubling or halving from 1."""
    low = high = 1.0
    while high <= _NOISE_LARGEST and excess(high) > 0:
        low, high = high, high * 2
    while low > _NOISE_SMALLEST and excess(low) <= 0:
        low, high = low / 2, low
    return low, high


def renyi_divergences(mechanism: Mechanism, orders: Sequence[int]) -> tuple[float, ...]:
    """Renyi divergence of one round at whole orders >= 2, for adding or removing one patient.

    Per step: log(sum_k C(a,k) (1-q)^(a-k) q^k exp(k(k-1)/(2 sigma^2))) / (a-1); steps add up.
    """
    if any(order < 2 for order in orders):
        raise ValueError("orders are whole numbers from 2")
    noise, rate = mechanism.noise_multiplier, mechanism.sampling_rate
    return tuple(mechanism.steps * _step_divergence(noise, rate, order) for order in orders)


@lru_cache(maxsize=4096)
def _step_divergence(noise: float, rate: float, order: int) -> float:
    if rate == 1:
        return order / (2 * noise**2)
    k = np.arange(order + 1)
    terms = (
        gammaln(order + 1)
        - gammaln(k + 1)
        - gammaln(order - k + 1)
        + (order - k) * math.log1p(-rate)
        + k * math.log(rate)
        + k * (k - 1) / (2 * noise**2)
    )
    return max(0.0, float(logsumexp(terms))) / (order - 1)


def epsilon_by_rdp(mechanisms: Sequence[Mechanism], *, delta: float) -> float:
    """The same epsilon by dp-accounting's Renyi accountant: an upper bound, 10 to 25 % looser."""
    check_delta(delta)
    accountant = rdp.RdpAccountant()
    for mechanism in mechanisms:
        accountant.compose(_event(mechanism))
    return float(accountant.get_epsilon(delta))


def merge_equal(mechanisms: Iterable[Mechanism]) -> list[Mechanism]:
    """Join mechanisms of equal noise and rate by adding their steps."""
    steps: Counter[tuple[float, float]] = Counter()
    for mechanism in mechanisms:
        steps[mechanism.noise_multiplier, mechanism.sampling_rate] += mechanism.steps
    return [
        Mechanism(noise_multiplier=noise, sampling_rate=rate, steps=count)
        for (noise, rate), count in steps.items()
    ]


@lru_cache(maxsize=16)
def _step_loss(noise: float, rate: float) -> Any:
    return privacy_loss_distribution.from_gaussian_mechanism(
        noise,
        sampling_prob=rate,
        value_discretization_interval=DISCRETIZATION,
        use_connect_dots=True,
    )


@lru_cache(maxsize=16)
def _round_loss(noise: float, rate: float, steps: int) -> Any:
    loss = _step_loss(noise, rate)
    return loss if steps == 1 else loss.self_compose(steps)


def _event(mechanism: Mechanism) -> dp_event.DpEvent:
    step = dp_event.PoissonSampledDpEvent(
        mechanism.sampling_rate, dp_event.GaussianDpEvent(mechanism.noise_multiplier)
    )
    return dp_event.SelfComposedDpEvent(step, mechanism.steps)


def check_delta(delta: float) -> None:
    if not 0 < delta < 1:
        raise ConfigError(f"delta is a probability between 0 and 1, not {delta}")
