"""Personal and shared layers (PTLS): each layer is averaged over the sites that chose to send it.

Source: DropPEFT, arXiv 2503.10217, section on personalised layer sharing. Stated: layers with high
gradients stay personal, the rest are shared. Our reading: a site sends the tensors of its shared
layers only, weights are renormalised over the senders of a layer, and a layer that nobody sent
stays as it was. Personal layers live at the site and never travel.
"""

from collections.abc import Mapping

import numpy as np

from fedclinic.methods.method import (
    Method,
    RoundDiagnostics,
    ServerState,
    add_scaled,
    global_state,
    zeros,
)
from fedclinic.updates.aggregate import renormalise, tensors_norm, weighted_sum
from fedclinic.updates.codec import Array, Tensors, TensorSchema


def ptls(*, server_learning_rate: float) -> Method:
    """Make the server's part; if every site sends everything, it is FedAvg bit for bit."""

    def init(schema: TensorSchema) -> ServerState:
        return ServerState(0, zeros(schema))

    def apply(
        state: ServerState, updates: Mapping[str, Tensors], weights: Mapping[str, float]
    ) -> tuple[ServerState, RoundDiagnostics]:
        step: dict[str, Array] = {}
        for name, before in state.change.items():
            senders = {site: update for site, update in updates.items() if name in update}
            if senders:
                step |= weighted_sum(senders, renormalise(senders, weights), names=(name,))
            else:
                step[name] = np.zeros_like(before)
        diagnostics = RoundDiagnostics(
            round_number=state.round_number + 1,
            weights=renormalise(updates, weights),
            change_norm=server_learning_rate * tensors_norm(step),
        )
        change = add_scaled(state.change, step, server_learning_rate)
        return ServerState(state.round_number + 1, change), diagnostics

    return Method(init, apply, global_state)
