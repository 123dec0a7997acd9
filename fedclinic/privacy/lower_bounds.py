"""How much privacy an attack on canaries proves was lost: lower bounds on epsilon from one run.

Of m canaries each is included by a fair coin; an attacker guesses r coins and is right v times.
Adjacency: adding or removing one canary, which stands for one patient. A bound above the claimed
epsilon refutes the claim at the stated confidence; a bound below it proves nothing.

Sources: Steinke, Nasr and Jagielski 2023 (arXiv:2305.08846), theorem 5.2; Mahloujifar, Melis and
Chaudhuri 2024 (arXiv:2410.22235), algorithm 3 for mu-Gaussian DP.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

LARGEST = 200.0
"""No bound beyond this is looked for."""


@dataclass(frozen=True)
class Guesses:
    """The outcome of an attack: of `canaries` coins, `made` were guessed, `right` of them right."""

    canaries: int
    made: int
    right: int

    def __post_init__(self) -> None:
        if not 0 <= self.right <= self.made <= self.canaries:
            raise ValueError(
                "right guesses are some of the guesses, which are some of the canaries"
            )


def steinke_p_value(guesses: Guesses, *, epsilon: float, delta: float) -> float:
    """Chance of so many right guesses, or more, against an (epsilon, delta)-DP trainer, at most.

    f(v) + 2 m delta max_{1 <= i <= v} (f(v-i) - f(v)) / i, with f(k) the chance that a
    Binomial(r, e^epsilon / (1 + e^epsilon)) is at least k.
    """
    right = guesses.right
    chance = special.expit(epsilon)
    tail = float(stats.binom.sf(right - 1, guesses.made, chance))
    if delta == 0 or right == 0:
        return min(1.0, tail)
    fewer = np.arange(1, right + 1)
    gain = (stats.binom.sf(right - fewer - 1, guesses.made, chance) - tail) / fewer
    return min(1.0, tail + 2 * guesses.canaries * delta * max(0.0, float(gain.max())))


def steinke_epsilon(guesses: Guesses, *, confidence: float = 0.95, delta: float) -> float:
    """Epsilon that the guesses prove at least (Steinke, Nasr and Jagielski 2023)."""
    alpha = 1 - confidence
    return _largest_rejected(
        lambda epsilon: steinke_p_value(guesses, epsilon=epsilon, delta=delta) < alpha
    )


def gaussian_epsilon(guesses: Guesses, *, confidence: float = 0.95, delta: float) -> float:
    """Epsilon that the guesses prove at least if the trainer is mu-Gaussian DP for some mu.

    Mahloujifar, Melis and Chaudhuri 2024: the largest refuted mu, and its epsilon at delta.
    """
    alpha = 1 - confidence
    mu = _largest_rejected(lambda mu: _refutes_gaussian(guesses, mu=mu, alpha=alpha))
    return epsilon_of_mu(mu, delta=delta)


def largest_refutable_epsilon(canaries: int, *, confidence: float = 0.95) -> float:
    """The bound if every coin were guessed right, at delta 0: no audit of this size shows more.

    e^epsilon / (1 + e^epsilon) = (1 - confidence)^(1/m).
    """
    return float(special.logit((1 - confidence) ** (1 / canaries)))


def delta_of_mu(mu: float, *, epsilon: float) -> float:
    """delta(epsilon) of mu-GDP: Phi(mu/2 - epsilon/mu) - e^epsilon Phi(-mu/2 - epsilon/mu)."""
    if mu <= 0:
        return 0.0
    first = stats.norm.logcdf(mu / 2 - epsilon / mu)
    second = epsilon + stats.norm.logcdf(-mu / 2 - epsilon / mu)
    return float(math.exp(first) * -math.expm1(min(second - first, 0.0)))


def epsilon_of_mu(mu: float, *, delta: float) -> float:
    """The inverse of `delta_of_mu` in epsilon; 0 if even that holds."""
    if delta_of_mu(mu, epsilon=0.0) <= delta:
        return 0.0
    high = 1.0
    while delta_of_mu(mu, epsilon=high) > delta:
        high *= 2
    return float(
        optimize.brentq(lambda e: delta_of_mu(mu, epsilon=e) - delta, 0.0, high, xtol=1e-10)
    )


def _refutes_gaussian(guesses: Guesses, *, mu: float, alpha: float) -> bool:
    """Tell whether the guesses refute mu-GDP at level `alpha`.

    h = alpha (r-v)/m and R = alpha v/m; for i = v-1 down to 0: h' = max(h, Phi(Phi^-1(R) - mu)),
    R += i/(r-i) (h'-h), h = h'; refuted if R + h > r/m at the end.
    """
    wrong_mass = alpha * (guesses.made - guesses.right) / guesses.canaries
    right_mass = alpha * guesses.right / guesses.canaries
    for i in range(guesses.right - 1, -1, -1):
        grown = max(wrong_mass, _shifted(right_mass, mu))
        if grown == wrong_mass and i < guesses.right - 1:
            break
        right_mass = min(1.0, right_mass + i / (guesses.made - i) * (grown - wrong_mass))
        wrong_mass = grown
    return right_mass + wrong_mass > guesses.made / guesses.canaries


def _shifted(mass: float, mu: float) -> float:
    if not 0 < mass < 1:
        return float(mass >= 1)
    return float(special.ndtr(special.ndtri(mass) - mu))


def _largest_rejected(rejects: Callable[[float], bool]) -> float:
    """The largest value that is rejected, by bisection; 0 if none is."""
    if not rejects(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while rejects(high):
        low, high = high, 2 * high
        if high > LARGEST:
            return LARGEST
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if rejects(middle) else (low, middle)
    return low
