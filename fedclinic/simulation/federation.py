"""Rounds of a federation whose sites are simulated one after the other on one trunk in memory.

A site trains with the trainer of production, its update passes the codec and the bound of the plan
as in production, and the method of production folds it in. What is in memory is one trunk, one
update and the server's state, however many sites there are.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fedclinic.errors import AdmissionError
from fedclinic.learning.finetune import LocalRound, train_privately, train_unprotected
from fedclinic.learning.hidden_states import Precision
from fedclinic.methods import Method, RoundDiagnostics, ServerState
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.rounds import Work
from fedclinic.simulation.attacks import UPDATE_ATTACKS, falsify
from fedclinic.simulation.robust import Robust
from fedclinic.simulation.site_data import SiteData
from fedclinic.simulation.trunk import SharedTrunk
from fedclinic.simulation.update_table import UpdateTable
from fedclinic.updates.admission import check_update
from fedclinic.updates.codec import Tensors, decode, encode, encode_chunks, schema_of

ROBUST_SITE = "robust-mean"
"""The only site that a method sees behind a robust mean."""


@dataclass(frozen=True)
class BadSites:
    """Sites that falsify their updates, all in the same way."""

    names: tuple[str, ...]
    attack: str
    """One of UPDATE_ATTACKS; labels are falsified in the sites' data before the start."""
    seed: int


@dataclass(frozen=True)
class Simulation:
    """A federation, ready to run."""

    trunk: SharedTrunk
    precision: Precision
    work: Work
    method: Method
    sites: Mapping[str, SiteData]
    weights: Mapping[str, float]
    noise_key: Callable[[str, int], bytes]
    """32 bytes for a site's noise and sampling in a round. From a seed, so that a result can be had
    again, which is why a simulation protects nobody."""
    folder: Path
    """Where a round's updates are kept, on a disk with room for all of them."""
    robust: Robust | None = None
    bad: BadSites | None = None


@dataclass(frozen=True)
class SimulatedRound:
    """What a round did, in bytes of the codec and seconds of this machine."""

    state: ServerState
    diagnostics: RoundDiagnostics
    bytes_up: int
    """Of all sites together."""
    bytes_down: int
    seconds: float
    """From the first site's start to the next state, sites one after the other."""
    cpu_seconds: float
    """What of that the processors worked for this process."""
    quarantined: tuple[str, ...] = ()
    """Sites whose update broke the plan's bound."""


def run_rounds(simulation: Simulation) -> Iterator[SimulatedRound]:
    """Run the planned rounds, one at a time.

    Raises:
        TrainingError: if a site's weights are no longer finite.
        AdmissionError: if no site's update was admitted in a round.
    """
    schema = simulation.trunk.model.shapes()
    simulation.folder.mkdir(parents=True, exist_ok=True)
    table = UpdateTable(simulation.folder / "updates.f32", tuple(simulation.sites), schema)
    state = simulation.method.init(schema)
    for number in range(1, simulation.work.rounds + 1):
        finished = _run_round(simulation, table, state, number)
        state = finished.state
        yield finished


def _run_round(
    simulation: Simulation, table: UpdateTable, state: ServerState, number: int
) -> SimulatedRound:
    began, worked = time.perf_counter(), time.process_time()
    table.clear()
    down = 0
    for site, data in simulation.sites.items():
        start = simulation.method.state_for(state, site) if number > 1 else None
        down += _encoded_bytes(start)
        table.put(site, train_at(simulation, site, data, start, number))
    bad = simulation.bad
    if bad is not None and bad.attack in UPDATE_ATTACKS:
        random = np.random.default_rng([bad.seed, number])
        falsify(table, bad.names, bad.attack, random)
    up, quarantined = _send(simulation, table)
    after, diagnostics = _fold_in(simulation, table, state)
    return SimulatedRound(
        state=after,
        diagnostics=diagnostics,
        bytes_up=up,
        bytes_down=down,
        seconds=time.perf_counter() - began,
        cpu_seconds=time.process_time() - worked,
        quarantined=quarantined,
    )


def train_at(
    simulation: Simulation, site: str, data: SiteData, start: Tensors | None, number: int
) -> Tensors:
    """Train one site for one round from the given state; returns its update."""
    simulation.trunk.reset(start)
    simulation.trunk.model.trunk.train()
    work = simulation.work
    local = LocalRound(
        model=simulation.trunk.model,
        notes=data.notes,
        hidden=data.hidden,
        precision=simulation.precision,
        optimizer=work.optimizer,
        round_number=number,
        rounds=work.rounds,
        progress=_nobody_watches,
        training=work.training,
    )
    if isinstance(work.privacy, PatientPrivacy):
        stream = RandomStream(simulation.noise_key(site, number))
        return train_privately(local, work.privacy, stream)
    return train_unprotected(local, work.privacy)


def _send(simulation: Simulation, table: UpdateTable) -> tuple[int, tuple[str, ...]]:
    """Pass every update through the codec and the plan's bound; returns bytes and who fell out."""
    dtype, bound = simulation.work.dtype, simulation.work.max_update_norm
    sent, quarantined = 0, []
    for site in table.sites():
        update = table.get(site)
        schema = schema_of(update)
        blob = encode(update, dtype)
        sent += len(blob)
        received = decode(blob, schema, dtype)
        try:
            check_update(received, schema=schema, max_norm=bound)
        except AdmissionError:
            quarantined.append(site)
            table.drop(site)
        else:
            table.put(site, received)
    return sent, tuple(quarantined)


def _fold_in(
    simulation: Simulation, table: UpdateTable, state: ServerState
) -> tuple[ServerState, RoundDiagnostics]:
    updates = table.updates()
    if simulation.robust is None or not updates:
        return simulation.method.apply(state, updates, simulation.weights)
    mean = simulation.robust(updates, simulation.weights)
    return simulation.method.apply(state, {ROBUST_SITE: mean}, {ROBUST_SITE: 1.0})


def _encoded_bytes(state: Tensors | None) -> int:
    return 0 if state is None else sum(len(chunk) for chunk in encode_chunks(state, "F32"))


def _nobody_watches(done: int, total: int) -> None:
    del done, total
