"""Local only: every site goes on from its own model and nothing is averaged.

The baseline that a federation must beat; design/methods section 4. The coordinator keeps each
site's own change so that the rest of the round (tasks, admission, evaluation, evidence) is the
same as in a federation. A site that is absent from a round keeps the model it had.
"""

from collections.abc import Mapping, Sequence

from fedclinic.errors import AdmissionError
from fedclinic.methods.method import Method, RoundDiagnostics, ServerState, add_scaled, zeros
from fedclinic.updates.aggregate import renormalise
from fedclinic.updates.codec import Tensors
from fedclinic.updates.layout import TensorSchema


def local_only(*, sites: Sequence[str]) -> Method:
    """Make the method for the sites of a plan."""

    def init(schema: TensorSchema) -> ServerState:
        return ServerState(0, zeros(schema), {site: zeros(schema) for site in sites})

    def apply(
        state: ServerState, updates: Mapping[str, Tensors], weights: Mapping[str, float]
    ) -> tuple[ServerState, RoundDiagnostics]:
        strangers = sorted(updates.keys() - state.memory.keys())
        if strangers:
            raise AdmissionError(f"site {strangers[0]} is not in the plan")
        memory = {
            site: add_scaled(own, updates[site], 1.0) if site in updates else own
            for site, own in state.memory.items()
        }
        diagnostics = RoundDiagnostics(
            round_number=state.round_number + 1,
            weights=renormalise(updates, weights),
            change_norm=0.0,
        )
        return ServerState(state.round_number + 1, state.change, memory), diagnostics

    return Method(init, apply, own_state)


def own_state(state: ServerState, site: str) -> Tensors:
    """A site starts from its own model."""
    return state.memory[site]
