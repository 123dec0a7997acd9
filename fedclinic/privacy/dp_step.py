"""The Gaussian mechanism of one step: noise on every trained tensor, divided by a constant."""

from collections.abc import Mapping

import torch
from torch import Tensor

from fedclinic.privacy.random_stream import RandomStream


def noised_mean(
    clipped: Mapping[str, Tensor],
    *,
    noise_multiplier: float,
    clipping_norm: float,
    expected_patients: float,
    stream: RandomStream,
) -> dict[str, Tensor]:
    """Add N(0, (noise_multiplier * clipping_norm)^2) to every element and divide by a constant.

    With Poisson sampling this is one step of the subsampled Gaussian mechanism for adding or
    removing one patient (Abadi et al. 2016, arXiv:1607.00133). The noise does not depend on who
    joined: an empty sum and a skipped layer get the same. `expected_patients` comes from the
    plan; dividing by the true number would leak it.

    The noise is drawn and added in float64 and the result rounded once, to the sum's own type.
    """
    check_step(noise_multiplier, clipping_norm, expected_patients)
    scale = noise_multiplier * clipping_norm
    released = {}
    for name in sorted(clipped):
        total = clipped[name]
        noise = torch.from_numpy(stream.gaussian(total.numel())).view(total.shape)
        noised = noise.mul_(scale).add_(total.to("cpu", torch.float64))
        released[name] = noised.div_(expected_patients).to(total.device, total.dtype)
    return released


def check_step(noise_multiplier: float, clipping_norm: float, expected_patients: float) -> None:
    """Refuse constants under which a step protects nobody.

    Raises:
        ValueError: if one of them is not a positive finite number.
    """
    for name, value in (
        ("noise multiplier", noise_multiplier),
        ("clipping norm", clipping_norm),
        ("number of expected patients", expected_patients),
    ):
        if not 0 < value < float("inf"):
            raise ValueError(f"the {name} must be positive and finite, not {value}")
