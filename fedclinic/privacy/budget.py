"""The arithmetic of a cohort's privacy budget: whole numbers at Renyi orders, rounded against us.

A cohort's budget is a Renyi filter (Feldman and Zrnic 2021, arXiv:2008.11193): rounds chosen one
after another, each in the light of the last, stay within (epsilon, delta) for adding or removing
one patient as long as some order a keeps

    sum of demands[a] <= cap[a] = epsilon - (ln(K / delta) - ln a) / (a - 1) - ln(1 - 1/a)

where K is the number of orders, a union bound over them, and the conversion is that of Canonne,
Kamath and Steinke 2020 (arXiv:2004.00010, proposition 12), 10 to 15 % tighter here than
ln(K / delta) / (a - 1). A privacy loss distribution cannot do this: it needs the rounds fixed
beforehand.
Amounts are whole nano-nats; demands are rounded up and caps down.
"""

import math
from functools import lru_cache

from fedclinic.privacy.accounting import renyi_divergences
from fedclinic.privacy.mechanism import Mechanism

ORDERS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 128, 256)
NANO = 10**9

Amounts = tuple[int, ...]
"""Nano-nats at each of `ORDERS`."""

NOTHING: Amounts = (0,) * len(ORDERS)

_LARGEST = 10**15
"""A million nats: more than any cap, and small enough that sums stay exact in JSON."""


def demand_of(mechanism: Mechanism) -> Amounts:
    """What one round asks of a cohort's budget, rounded up."""
    return tuple(
        min(math.ceil(divergence * NANO), _LARGEST)
        for divergence in renyi_divergences(mechanism, ORDERS)
    )


@lru_cache(maxsize=256)
def caps_of(epsilon: float, delta: float) -> Amounts:
    """What a budget allows at each order, rounded down; 0 where the order allows nothing."""
    return tuple(
        max(0, math.floor((epsilon - conversion) * NANO)) for conversion in _conversions(delta)
    )


def fits(used: Amounts, caps: Amounts) -> bool:
    """Tell whether some order keeps `used` within its cap; nothing used always fits."""
    return not any(used) or any(
        amount <= cap for amount, cap in zip(used, caps, strict=True) if cap > 0
    )


def spent_epsilon(used: Amounts, delta: float) -> float:
    """Epsilon of what was used, at the order that shows it smallest; 0 if nothing was used.

    At most the budget's epsilon exactly where `fits` holds.
    """
    if not any(used):
        return 0.0
    conversions = _conversions(delta)
    return max(0.0, min(used[i] / NANO + conversions[i] for i in range(len(ORDERS))))


def plus(left: Amounts, right: Amounts) -> Amounts:
    return tuple(a + b for a, b in zip(left, right, strict=True))


def minus(left: Amounts, right: Amounts) -> Amounts:
    return tuple(a - b for a, b in zip(left, right, strict=True))


def within(part: Amounts, whole: Amounts) -> bool:
    return all(0 <= a <= b for a, b in zip(part, whole, strict=True))


@lru_cache(maxsize=256)
def _conversions(delta: float) -> tuple[float, ...]:
    return tuple(
        (math.log(len(ORDERS) / delta) - math.log(order)) / (order - 1) + math.log1p(-1 / order)
        for order in ORDERS
    )
