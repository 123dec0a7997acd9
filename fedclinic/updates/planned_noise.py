"""The norms that the noise of a plan alone gives to a round's update, by learning-rate group."""

from collections.abc import Sequence

from fedclinic.plan import PatientPrivacy
from fedclinic.rounds import Work
from fedclinic.updates.admission import NoiseFloor, noise_floor
from fedclinic.updates.layout import TensorSchema, count_parameters

HEAD_PREFIX = "head."


def noise_floors(work: Work, schema: TensorSchema, round_number: int) -> tuple[NoiseFloor, ...]:
    """The norms that the planned noise alone gives to blocks and head; none without plain SGD."""
    privacy, optimizer = work.privacy, work.optimizer
    if not isinstance(privacy, PatientPrivacy) or optimizer.name != "sgd" or optimizer.momentum:
        return ()
    mechanism = privacy.mechanism()
    rates = optimizer.rates(round_number=round_number, rounds=work.rounds, steps=mechanism.steps)
    proximal = work.training.proximal
    head = {name for name in schema if name.startswith(HEAD_PREFIX)}
    groups = {"blocks": (set(schema) - head, 1.0), "head": (head, optimizer.head_factor)}
    return tuple(
        NoiseFloor(
            group=group,
            names=frozenset(names),
            norm=noise_floor(
                noise_multiplier=mechanism.noise_multiplier,
                clipping_norm=privacy.clipping_norm,
                expected_patients=privacy.expected_patients,
                learning_rates=remaining_rates([rate * factor for rate in rates], proximal),
                parameters=count_parameters({name: schema[name] for name in names}),
            ),
        )
        for group, (names, factor) in groups.items()
        if names
    )


def remaining_rates(rates: Sequence[float], proximal: float) -> list[float]:
    """How much of each step's noise is in the update: FedProx pulls all before it back a little.

    With w_{t+1} - w_0 = (1 - lr_t mu)(w_t - w_0) - lr_t g_t, step t's noise enters with
    lr_t prod_{s > t} (1 - lr_s mu).
    """
    remaining = []
    kept = 1.0
    for rate in reversed(rates):
        remaining.append(rate * abs(kept))
        kept *= 1.0 - rate * proximal
    return remaining[::-1]
