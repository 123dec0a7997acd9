"""SplitNN in a simulation: sites run the blocks below a cut, the coordinator those above.

Source: Gupta and Raskar 2018, arXiv 1810.06060; Vepakomma et al. 2018, arXiv 1812.00564. Sites take
turns: each goes on from where the one before it stopped, with the part below the cut handed on, so
nothing is averaged. What travels is, for every token of every pass, its hidden state upwards, and
its gradient downwards where a block below the cut trains.

A baseline only. Activations of notes reach the coordinator, from which texts can be read back, and
no noise is added to them: no plan of a federation may ask for it.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fedclinic.errors import ConfigError
from fedclinic.methods import RoundDiagnostics, ServerState
from fedclinic.methods.method import add_scaled, zeros
from fedclinic.plan import Unprotected
from fedclinic.simulation.federation import SimulatedRound, Simulation, Start, train_at
from fedclinic.updates.aggregate import tensors_norm
from fedclinic.updates.codec import Tensors, encode
from fedclinic.updates.layout import TensorSchema
from fedclinic.updates.shared import block_of, number_of

BYTES_OF = {"F32": 4, "BF16": 2}


def run_split_rounds(simulation: Simulation, cut: int) -> Iterator[SimulatedRound]:
    """Run the planned rounds; in each, every site takes one turn in the plan's order.

    Args:
        cut: blocks of the whole model that sites run.

    Raises:
        ConfigError: if the model has no such cut, or the plan asks for privacy.
    """
    epochs = _epochs(simulation, cut)
    model = simulation.trunk.model
    state = ServerState(0, zeros(model.shapes()))
    for number in range(1, simulation.work.rounds + 1):
        finished = _turns(simulation, state, _Split(cut, epochs), number)
        state = finished.state
        yield finished


@dataclass(frozen=True)
class _Split:
    """Blocks below the cut, and passes over the notes in one turn."""

    cut: int
    epochs: int


def _epochs(simulation: Simulation, cut: int) -> int:
    """Passes in a turn, of a plan that can be split."""
    model = simulation.trunk.model
    blocks = model.first_trained + len(model.trunk_blocks())
    if cut > blocks:
        raise ConfigError(f"splitnn: no cut at block {cut}: the model's are 0 to {blocks}")
    privacy = simulation.work.privacy
    if not isinstance(privacy, Unprotected):
        raise ConfigError(
            "splitnn: activations of notes leave the site without noise: privacy.protection is none"
        )
    return privacy.epochs_per_round


def _turns(
    simulation: Simulation, state: ServerState, split: _Split, number: int
) -> SimulatedRound:
    began, worked = time.perf_counter(), time.process_time()
    change, up, down = state.change, 0, 0
    for site in simulation.sites:
        update, _ = train_at(simulation, site, Start(change, {}), number)
        change = add_scaled(change, update, 1.0)
        up_here, down_here = _bytes_of_turn(simulation, site, split, update)
        up, down = up + up_here, down + down_here
    step = {name: change[name] - state.change[name] for name in change}
    return SimulatedRound(
        state=ServerState(number, change),
        diagnostics=RoundDiagnostics(
            round_number=number,
            weights={site: 1 / len(simulation.sites) for site in simulation.sites},
            change_norm=tensors_norm(step),
        ),
        bytes_up=up,
        bytes_down=down,
        seconds=time.perf_counter() - began,
        cpu_seconds=time.process_time() - worked,
    )


def _bytes_of_turn(
    simulation: Simulation, site: str, split: _Split, update: Tensors
) -> tuple[int, int]:
    """Hidden states up; gradients down, and the site's part both ways, where that part trains."""
    dtype = simulation.work.dtype
    rows = simulation.sites[site].notes.rows
    tokens = split.epochs * sum(len(row.token_ids) for row in rows)
    width = simulation.trunk.model.trunk.head.in_features
    states = tokens * width * BYTES_OF[dtype]
    own = below(simulation.trunk.model.shapes(), split.cut)
    if not own:
        return states, 0
    part = len(encode({name: np.asarray(update[name]) for name in own}, dtype))
    return states + part, states + part


def below(schema: TensorSchema, cut: int) -> tuple[str, ...]:
    """The trained tensors that are at the site: blocks below the cut, and embeddings."""
    return tuple(
        name
        for name in schema
        if not name.startswith("head.")
        and ((block := block_of(name)) is None or number_of(block) < cut)
    )
