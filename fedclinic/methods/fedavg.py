"""FedAvg: the server adds the weighted mean of the sites' changes.

Source: McMahan et al. 2017, "Communication-Efficient Learning of Deep Networks from Decentralized
Data", arXiv 1602.05629, algorithm 1; with a server learning rate as in Reddi et al. 2021, arXiv
2003.00295. Weights are those of the plan, not note counts: those would leak. Where sites keep some
blocks to themselves (PTLS of DropPEFT, arXiv 2503.10217), each tensor is averaged over the sites
that sent it, and one that nobody sent stays as it was.
"""

from collections.abc import Mapping

from fedclinic.methods.method import (
    Method,
    RoundDiagnostics,
    ServerState,
    add_scaled,
    global_state,
    zeros,
)
from fedclinic.updates.aggregate import mean_by_senders, renormalise, tensors_norm
from fedclinic.updates.codec import Tensors
from fedclinic.updates.layout import TensorSchema


def fedavg(*, server_learning_rate: float) -> Method:
    """Make FedAvg with a server learning rate; 1 is the original."""

    def init(schema: TensorSchema) -> ServerState:
        return ServerState(round_number=0, change=zeros(schema))

    def apply(
        state: ServerState, updates: Mapping[str, Tensors], weights: Mapping[str, float]
    ) -> tuple[ServerState, RoundDiagnostics]:
        mean = mean_by_senders(updates, weights)
        change = add_scaled(state.change, mean, server_learning_rate)
        diagnostics = RoundDiagnostics(
            round_number=state.round_number + 1,
            weights=renormalise(updates, weights),
            change_norm=server_learning_rate * tensors_norm(mean),
        )
        return ServerState(state.round_number + 1, change), diagnostics

    return Method(init, apply, global_state)
