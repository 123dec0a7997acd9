"""What an update must satisfy before it is used; every check raises, none repairs.

A refused update is quarantined and logged by the caller, never dropped in silence.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from fedclinic.errors import AdmissionError, SignatureError
from fedclinic.rounds import RoundTask, SiteReport
from fedclinic.updates.codec import Tensors, check_finite
from fedclinic.updates.layout import TensorSchema

FALSE_REFUSAL = 1e-6
"""Probability that an honest site's noise alone falls below the floor, by chance."""

_BOUND_FIELDS = ("run", "round_number", "attempt", "site", "plan_digest", "nonce")


@dataclass(frozen=True)
class NoiseFloor:
    """The least norm that the noise alone gives to the tensors of one learning-rate group."""

    group: str
    names: frozenset[str]
    norm: float


def noise_floor(
    *,
    noise_multiplier: float,
    clipping_norm: float,
    expected_patients: float,
    learning_rates: Sequence[float],
    parameters: int,
    cancelled_share: float = 0.05,
) -> float:
    """Compute the norm that an honest update of plain DP-SGD is almost never below.

    Without momentum a round's update is

        -sum_t lr_t (S_t + Z_t) / B,   Z_t ~ N(0, (sigma C)^2 I),

    with S_t the clipped sum, C the clipping norm (the unit of a per-patient gradient), sigma the
    noise multiplier (no unit) and B the expected patients (the plan's divisor). Sums that do not
    depend on earlier noise only add to the norm of the noise alone; see `noise_quantile`.

    Training that runs downhill cancels a part of its own noise, about half of
    k = sum_t lr_t trace(H) / parameters with H the Hessian of the clipped loss: on a quadratic the
    norm measured 0.96 of the quantile at k = 0.1 (100,000 parameters); honest rounds of a small
    network measured 1.007 to 1.22 of it at every learning rate that trains. `cancelled_share` is
    the part of the noise's norm that may be missing for that reason; 0.05 still refuses 0.9 times
    the noise while the sums add less than 0.3 of the noise's norm.

    Args:
        learning_rates: one for each optimiser step of the round; with several rates at a step, one
            floor for each group of parameters.

    Source: DP-SGD, Abadi et al. 2016, arXiv 1607.00133, algorithm 1; the test is ours.
    """
    step_noise = noise_multiplier * clipping_norm / expected_patients
    noise = noise_quantile(
        step_noise=step_noise,
        learning_rates=learning_rates,
        parameters=parameters,
        probability=FALSE_REFUSAL,
    )
    return (1.0 - cancelled_share) * noise


def noise_quantile(
    *, step_noise: float, learning_rates: Sequence[float], parameters: int, probability: float
) -> float:
    """Compute the norm that the sum of a round's noise is below with this probability.

    Each of the `parameters` coordinates has variance step_noise^2 sum_t lr_t^2, so the squared norm
    is that times a chi-square of as many degrees.

    Args:
        step_noise: standard deviation of the noise in one coordinate of one step's mean gradient.
    """
    variance = step_noise**2 * math.fsum(rate**2 for rate in learning_rates)
    return math.sqrt(variance * float(stats.chi2.ppf(probability, parameters)))


def check_update(
    update: Tensors,
    *,
    schema: TensorSchema,
    max_norm: float,
    floors: Sequence[NoiseFloor] = (),
) -> float:
    """Check names, shapes, finite numbers, norm and noise, one tensor in memory at a time.

    Returns:
        the update's L2 norm over all tensors.

    Raises:
        AdmissionError: says what the update breaks, in numbers that are safe to log.
    """
    if update.keys() != schema.keys():
        raise AdmissionError("update: its tensors are not those of the plan")
    squares = {}
    for name, shape in schema.items():
        tensor = update[name]
        if tensor.shape != tuple(shape):
            raise AdmissionError(f"update: tensor {name!r} has shape {tensor.shape}, not {shape}")
        check_finite(name, tensor)
        squares[name] = squared_norm(tensor)
    norm = math.sqrt(math.fsum(squares.values()))
    if norm > max_norm:
        raise AdmissionError(f"update: norm {norm:.6g} is above the plan's bound {max_norm:.6g}")
    for floor in floors:
        measured = math.sqrt(math.fsum(squares[name] for name in floor.names))
        if measured < floor.norm:
            raise AdmissionError(
                f"update: norm {measured:.6g} of group {floor.group!r} is below the noise floor "
                f"{floor.norm:.6g}: less noise than the plan's"
            )
    return norm


def check_report(report: SiteReport, task: RoundTask, *, used_nonces: Collection[str]) -> None:
    """Check that a report answers this task, and for the first time.

    Raises:
        SignatureError: names the first field that differs.
    """
    for field in _BOUND_FIELDS:
        if getattr(report, field) != getattr(task, field):
            raise SignatureError(f"report of site {task.site}: {field} is not the task's")
    if report.nonce in used_nonces:
        raise SignatureError(f"report of site {task.site}: its nonce was used before")


def squared_norm(tensor: np.ndarray) -> float:
    """Sum the squares of all elements in float64."""
    flat = tensor.reshape(-1)
    return math.fsum(
        float(np.square(flat[start : start + 65536], dtype=np.float64).sum())
        for start in range(0, flat.size, 65536)
    )
