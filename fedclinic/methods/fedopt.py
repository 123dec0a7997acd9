"""FedAdam and FedYogi: an adaptive optimiser at the server, with the mean change as its gradient.

Source: Reddi et al. 2021, "Adaptive Federated Optimization", arXiv 2003.00295, algorithm 2. There
is no bias correction, as in the paper; the second moment starts at tau squared, its lower bound.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fedclinic.methods.method import (
    Method,
    RoundDiagnostics,
    ServerState,
    add_scaled,
    global_state,
    zeros,
)
from fedclinic.updates.aggregate import mean_by_senders, renormalise, tensors_norm
from fedclinic.updates.codec import Array, Tensors
from fedclinic.updates.layout import TensorSchema

Moment = NDArray[np.float64]

_FIRST, _SECOND = "first_moment", "second_moment"


def fedopt(
    name: Literal["fedadam", "fedyogi"],
    *,
    server_learning_rate: float,
    first_decay: float = 0.9,
    second_decay: float = 0.99,
    adaptivity: float = 1e-3,
) -> Method:
    """Make FedAdam or FedYogi.

    Args:
        first_decay: beta 1 of the paper.
        second_decay: beta 2 of the paper.
        adaptivity: tau of the paper, in the unit of a change; smaller adapts more.
    """
    second_moment = _SECOND_MOMENTS[name]

    def init(schema: TensorSchema) -> ServerState:
        floor = {
            name: np.full(shape, adaptivity**2, dtype=np.float32) for name, shape in schema.items()
        }
        return ServerState(0, zeros(schema), {_FIRST: zeros(schema), _SECOND: floor})

    def apply(
        state: ServerState, updates: Mapping[str, Tensors], weights: Mapping[str, float]
    ) -> tuple[ServerState, RoundDiagnostics]:
        mean = mean_by_senders(updates, weights)
        first = dict(state.memory[_FIRST])
        second = dict(state.memory[_SECOND])
        step: dict[str, Array] = {}
        for tensor in mean:
            gradient = mean[tensor].astype(np.float64)
            m = first_decay * state.memory[_FIRST][tensor] + (1 - first_decay) * gradient
            v = second_moment(
                state.memory[_SECOND][tensor].astype(np.float64), np.square(gradient), second_decay
            )
            step[tensor] = (m / (np.sqrt(v) + adaptivity)).astype(np.float32)
            first[tensor], second[tensor] = m.astype(np.float32), v.astype(np.float32)
        diagnostics = RoundDiagnostics(
            round_number=state.round_number + 1,
            weights=renormalise(updates, weights),
            change_norm=server_learning_rate * tensors_norm(step),
        )
        change = add_scaled(state.change, step, server_learning_rate)
        memory = {_FIRST: first, _SECOND: second}
        return ServerState(state.round_number + 1, change, memory), diagnostics

    return Method(init, apply, global_state)


def _adam_second_moment(before: Moment, squared: Moment, decay: float) -> Moment:
    return decay * before + (1 - decay) * squared


def _yogi_second_moment(before: Moment, squared: Moment, decay: float) -> Moment:
    return before - (1 - decay) * squared * np.sign(before - squared)


_SECOND_MOMENTS: dict[str, Callable[[Moment, Moment, float], Moment]] = {
    "fedadam": _adam_second_moment,
    "fedyogi": _yogi_second_moment,
}
