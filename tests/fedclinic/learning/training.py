"""A key, a plan that draws everybody, and how updates are compared."""

import math

import numpy as np

from tests.factories import make_privacy

KEY = b"\x07" * 32
EVERYBODY = make_privacy(sampling_rate=1.0, expected_patients=10.0)


def norm_of(update: dict[str, np.ndarray]) -> float:
    return math.sqrt(sum(float(np.square(values, dtype=float).sum()) for values in update.values()))


def largest_difference(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> float:
    assert a.keys() == b.keys()
    return max(float(np.abs(a[name] - b[name]).max()) for name in a)
