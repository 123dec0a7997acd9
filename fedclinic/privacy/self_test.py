"""Seconds of synthetic training that read a trainer's clipping, sampling and noise off its steps.

Run when the agent starts and in CI; its digest goes with every report. Adjacency as everywhere:
adding or removing one patient. It sees mistakes in the trainer as installed on this machine; it
says nothing about the data, and nothing about a site that means to deceive.
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats

from fedclinic.errors import FedclinicError
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.accounting import epsilon
from fedclinic.privacy.audit_coordinates import Bools, Floats
from fedclinic.privacy.audit_verdict import chi_square_p
from fedclinic.privacy.lower_bounds import delta_of_mu
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.privacy.probe import (
    ProbeNote,
    Trainer,
    canary,
    coordinates_of,
    loud,
    make_site,
    not_finite,
    released,
    silent,
)
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.records import Record

CANARIES, STEPS, RATE = 800, 100, 0.05
NOISY_WEIGHTS = 20_000
"""Enough that nine tenths of the noise are told from all of it."""
FAIL_P = 1e-6
"""A right trainer fails one of the p-values in fewer than one start in 100,000."""
EXACT = 1e-3
_HUSH = 1e-7
"""A noise multiplier so small that clipped sums can be read through it."""


class Check(Record):
    """One property: either a size that has a bound, or a p-value that has a floor."""

    name: str
    value: float
    bound: float
    kind: Literal["at most", "at least"]
    meaning: str

    @property
    def passed(self) -> bool:
        if math.isnan(self.value):
            return False
        return self.value <= self.bound if self.kind == "at most" else self.value >= self.bound


class SelfTest(Record):
    """The outcome of a self-test, as its digest names it in every report."""

    checks: tuple[Check, ...]
    passed: bool

    def failed(self) -> tuple[str, ...]:
        return tuple(check.name for check in self.checks if not check.passed)


def run_self_test(trainer: Trainer, stream: RandomStream) -> SelfTest:
    """Read a trainer's behaviour from synthetic sites."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        checks = [check for part in _PARTS for check in _guarded(part, trainer, stream)]
    finally:
        torch.set_num_threads(threads)
    return SelfTest(checks=tuple(checks), passed=all(check.passed for check in checks))


def check_sampling(trainer: Trainer, stream: RandomStream) -> list[Check]:
    """Who joins, and with how much, read without noise from patients who are all canaries."""
    patients = [canary(number) for number in range(CANARIES)]
    site = make_site(patients, canaries=CANARIES, learning_rate=1e-9)
    steps = released(trainer, site, _privacy(noise=_HUSH), stream.spawn("sampling"))
    contribution = coordinates_of(steps).signal
    joined = np.abs(contribution) > 0.25
    amounts = contribution[joined]
    error = float(np.abs(amounts - 1).max()) if amounts.size else math.inf
    return [
        _at_most("contribution", error, EXACT, "a patient that joins adds exactly C"),
        _p("rate", _binomial_p(joined), "patients join at the planned rate"),
        _p("batch sizes", _dispersion_p(joined.sum(1), CANARIES), "batch sizes vary as Poisson's"),
        _p("epochs", _epochs_p(joined), "patients are drawn again independently at every step"),
    ]


def check_noise(trainer: Trainer, stream: RandomStream) -> list[Check]:
    """Noise of the planned size on every tensor, whoever is there and whoever joined."""
    found = []
    for name, patients in _QUIET_SITES.items():
        site = make_site(patients, canaries=NOISY_WEIGHTS)
        steps = released(trainer, site, _privacy(steps=3, rate=0.5), stream.spawn(name))
        p_values = [chi_square_p(v.ravel(), 1.0) for step in steps for v in step.values()]
        worst = min(1.0, len(p_values) * min(p_values))
        found.append(_p(f"noise, {name}", worst, "every tensor gets the planned noise"))
        found.append(_p(f"fresh noise, {name}", _repetition_p(steps), "no noise is used twice"))
    return found


def check_sensitivity(trainer: Trainer, stream: RandomStream) -> list[Check]:
    """How far one patient moves the released sum, in units of C, over awkward neighbours."""
    found = []
    others = tuple(loud(seed, size=0.2) for seed in range(70))
    for name, patient in _NEIGHBOURS.items():
        sums = [
            _sum_of(trainer, patients, stream.spawn(f"{name} {side}"))
            for side, patients in (("with", (*others, patient)), ("without", others))
        ]
        moved = float(np.linalg.norm(sums[0] - sums[1]))
        found.append(
            _at_most(f"sensitivity, {name}", moved, 1 + EXACT, "one patient moves the sum by C")
        )
    return found


def check_accountant(_: Trainer, __: RandomStream) -> list[Check]:
    """The accountant on a mechanism with a closed form: sixteen Gaussians, noise multiplier 4."""
    mechanism = Mechanism(noise_multiplier=4.0, sampling_rate=1.0, steps=16)
    found = epsilon([mechanism], delta=1e-5)
    excess = abs(math.log(delta_of_mu(1.0, epsilon=found) / 1e-5))
    return [_at_most("accountant", excess, 0.01, "epsilon is that of the closed form")]


_NEIGHBOURS: dict[str, tuple[ProbeNote, ...]] = {
    "several notes": loud(1, notes=4, size=30.0),
    "a long note": loud(2, tokens=500, size=30.0),
    "a quiet patient": silent(),
    "not finite": not_finite(),
    "a canary": canary(0),
}
_QUIET_SITES: dict[str, tuple[tuple[ProbeNote, ...], ...]] = {
    "nobody": (),
    "40 patients": (silent(),) * 40,
    "41 patients": (silent(),) * 41,
    "not finite": (*(silent(),) * 20, *(not_finite(),) * 20),
}
_PARTS: tuple[Callable[[Trainer, RandomStream], list[Check]], ...] = (
    check_sampling,
    check_noise,
    check_sensitivity,
    check_accountant,
)


def _guarded(
    part: Callable[[Trainer, RandomStream], list[Check]], trainer: Trainer, stream: RandomStream
) -> list[Check]:
    """Run a part; a trainer that cannot finish it has failed it."""
    try:
        return part(trainer, stream)
    except (FedclinicError, ValueError, RuntimeError) as error:
        name = part.__name__.removeprefix("check_")
        return [_at_most(name, math.inf, 0.0, f"the trainer stops: {type(error).__name__}")]


def _privacy(
    *, noise: float = 1.0, rate: float = RATE, steps: int = STEPS, expected: float = 40.0
) -> PatientPrivacy:
    return PatientPrivacy(
        protection="patient_dp",
        target_epsilon=1.0,
        delta=1e-5,
        sampling_rate=rate,
        steps_per_round=steps,
        clipping_norm=0.5,
        expected_patients=expected,
        noise_multiplier=noise,
    )


def _sum_of(
    trainer: Trainer, patients: Sequence[tuple[ProbeNote, ...]], stream: RandomStream
) -> Floats:
    """The clipped sum of a step that everybody joins, as one vector in units of C."""
    site = make_site(patients)
    (step,) = released(trainer, site, _privacy(noise=_HUSH, rate=1.0, steps=1), stream)
    return np.concatenate([step[name].ravel() for name in sorted(step)])


def _binomial_p(joined: Bools) -> float:
    return float(stats.binomtest(int(joined.sum()), joined.size, RATE).pvalue)


def _dispersion_p(counts: npt.NDArray[np.int64], trials: int, rate: float = RATE) -> float:
    """Whether counts of Binomial(trials, rate) spread as they should; two-sided."""
    spread = float(((counts - trials * rate) ** 2).sum() / (trials * rate * (1 - rate)))
    size = counts.size
    return float(2 * min(stats.chi2.cdf(spread, size), stats.chi2.sf(spread, size)))


def _epochs_p(joined: Bools) -> float:
    """Spread of how often a patient joins within 1/q steps: shuffling draws everybody once."""
    length = round(1 / RATE)
    whole = len(joined) // length * length
    counts = joined[:whole].reshape(-1, length, joined.shape[1]).sum(1).ravel()
    return _dispersion_p(counts, length)


def _repetition_p(steps: Sequence[dict[str, Floats]]) -> float:
    """Smallest p-value of a correlation between two large tensors' noise, Bonferroni."""
    draws = [v.ravel() for step in steps for v in step.values() if v.size >= NOISY_WEIGHTS]
    p_values = []
    for i, earlier in enumerate(draws):
        for later in draws[i + 1 :]:
            product = float(earlier @ later) / math.sqrt(earlier.size)
            p_values.append(2 * float(stats.norm.sf(abs(product))))
    return min(1.0, len(p_values) * min(p_values))


def _at_most(name: str, value: float, bound: float, meaning: str) -> Check:
    finite = value if math.isfinite(value) else 1e300
    return Check(name=name, value=finite, bound=bound, kind="at most", meaning=meaning)


def _p(name: str, value: float, meaning: str) -> Check:
    finite = value if math.isfinite(value) else 0.0
    return Check(name=name, value=finite, bound=FAIL_P, kind="at least", meaning=meaning)
