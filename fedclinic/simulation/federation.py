"""Rounds of a federation whose sites are simulated one after the other on one trunk in memory.

A site trains with the trainer of production, its update passes the codec and admission of
production, and the method of production folds it in. What is in memory is one trunk, one
update and the server's state, however many sites there are.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fedclinic.errors import AdmissionError
from fedclinic.learning.finetune import LocalRound, train_privately, train_unprotected
from fedclinic.learning.hidden_states import Precision
from fedclinic.learning.importance import GradientWatch, noised_importance, personal_blocks
from fedclinic.method_parts import LayerDropout
from fedclinic.methods import Method, RoundDiagnostics, ServerState
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.rounds import Work
from fedclinic.simulation.attacks import UPDATE_ATTACKS, falsify
from fedclinic.simulation.configurator import Configurator
from fedclinic.simulation.robust import Robust
from fedclinic.simulation.site_data import SiteData
from fedclinic.simulation.trunk import SharedTrunk
from fedclinic.simulation.update_table import UpdateTable
from fedclinic.updates.admission import check_update
from fedclinic.updates.codec import Tensors, decode, encode, encode_chunks, schema_of
from fedclinic.updates.planned_noise import noise_floors
from fedclinic.updates.shared import blocks_in, split_update

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
    configurator: Configurator | None = None


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
    """What of that the processors worked for this process; rewards of a configurator are measured
    after it."""
    dropouts: Mapping[str, LayerDropout] = field(default_factory=dict)
    """What a configurator chose for each site."""
    quarantined: tuple[str, ...] = ()
    """Sites whose update was above the plan's bound, or had less noise than the plan's."""
    personal: Mapping[str, Tensors] = field(default_factory=dict)
    """Change since the base of the blocks that each site keeps; gone with the next round."""


@dataclass(frozen=True)
class Start:
    """A site's beginning of a round: the global model, and its own blocks of the round before."""

    change: Tensors | None
    personal: Tensors


def run_rounds(simulation: Simulation) -> Iterator[SimulatedRound]:
    """Run the planned rounds, one at a time.

    Raises:
        TrainingError: if a site's weights are no longer finite.
        AdmissionError: if no site's update was admitted in a round.
    """
    schema, sites = simulation.trunk.model.shapes(), tuple(simulation.sites)
    simulation.folder.mkdir(parents=True, exist_ok=True)
    sent = UpdateTable(simulation.folder / "updates.f32", sites, schema)
    kept = None
    if simulation.work.training.keeps_blocks:
        kept = UpdateTable(simulation.folder / "personal.f32", sites, schema)
    state = simulation.method.init(schema)
    for number in range(1, simulation.work.rounds + 1):
        finished = _run_round(simulation, _Tables(sent, kept), state, number)
        state = finished.state
        yield finished


@dataclass(frozen=True)
class _Tables:
    """What sites sent in this round, and the blocks that they keep from one round to the next."""

    sent: UpdateTable
    kept: UpdateTable | None

    def personal(self) -> Mapping[str, Tensors]:
        return {} if self.kept is None else self.kept.updates()


def _run_round(
    simulation: Simulation, tables: _Tables, state: ServerState, number: int
) -> SimulatedRound:
    began, worked = time.perf_counter(), time.process_time()
    dropouts = _dropouts(simulation, state, number)
    down, seconds = _train_all(simulation, tables, state, number, dropouts)
    bad = simulation.bad
    if bad is not None and bad.attack in UPDATE_ATTACKS:
        random = np.random.default_rng([bad.seed, number])
        falsify(tables.sent, bad.names, bad.attack, random)
    up, quarantined = _send(simulation, tables.sent, number)
    after, diagnostics = _fold_in(simulation, state, tables.sent.updates())
    wall, cpu = time.perf_counter() - began, time.process_time() - worked
    return SimulatedRound(
        state=_learn(simulation, state, after, tables.sent.updates(), seconds),
        diagnostics=diagnostics,
        bytes_up=up,
        bytes_down=down,
        seconds=wall,
        cpu_seconds=cpu,
        dropouts=dropouts,
        quarantined=quarantined,
        personal=tables.personal(),
    )


def _train_all(
    simulation: Simulation,
    tables: _Tables,
    state: ServerState,
    number: int,
    dropouts: Mapping[str, LayerDropout],
) -> tuple[int, dict[str, float]]:
    """Let every site train; returns bytes down and each site's processor seconds."""
    tables.sent.clear()
    down, seconds = 0, {}
    for site in simulation.sites:
        change = simulation.method.state_for(state, site) if number > 1 else None
        down += _encoded_bytes(change)
        start = Start(change, tables.personal().get(site, {}))
        began = time.process_time()
        sent, kept = train_at(simulation, site, start, number, dropout=dropouts.get(site))
        seconds[site] = max(time.process_time() - began, 1e-3)
        tables.sent.put(site, sent)
        if tables.kept is not None:
            tables.kept.put(site, kept)
    return down, seconds


def _dropouts(
    simulation: Simulation, state: ServerState, number: int
) -> Mapping[str, LayerDropout]:
    if simulation.configurator is None:
        return {}
    return simulation.configurator.dropouts(state, number)


def train_at(
    simulation: Simulation,
    site: str,
    start: Start,
    number: int,
    *,
    dropout: LayerDropout | None = None,
) -> tuple[Tensors, Tensors]:
    """Train one site for one round; returns what it sends, and the blocks that it keeps."""
    simulation.trunk.reset(start.change, start.personal)
    simulation.trunk.model.trunk.train()
    work, data = simulation.work, simulation.sites[site]
    watch = GradientWatch() if work.training.keeps_blocks else None
    training = work.training
    if dropout is not None:
        training = training.model_copy(update={"dropout": dropout})
    local = LocalRound(
        model=simulation.trunk.model,
        notes=data.notes,
        hidden=data.hidden,
        precision=simulation.precision,
        optimizer=work.optimizer,
        round_number=number,
        rounds=work.rounds,
        progress=_nobody_watches,
        training=training,
        watch=watch,
    )
    if isinstance(work.privacy, PatientPrivacy):
        stream = RandomStream(simulation.noise_key(site, number))
        update: Tensors = train_privately(local, work.privacy, stream)
        importance = noised_importance(update)
    else:
        update = train_unprotected(local, work.privacy)
        importance = {} if watch is None else watch.importance(blocks_in(update))
    return _share(simulation, update, start, importance)


def _share(
    simulation: Simulation, update: Tensors, start: Start, importance: Mapping[str, float]
) -> tuple[Tensors, Tensors]:
    training = simulation.work.training
    if not training.keeps_blocks:
        return update, {}
    nothing = {name: np.zeros_like(values) for name, values in update.items()}
    return split_update(
        update,
        began_personal=start.personal,
        global_change=nothing if start.change is None else start.change,
        personal=personal_blocks(importance, training),
    )


def _send(simulation: Simulation, table: UpdateTable, number: int) -> tuple[int, tuple[str, ...]]:
    """Pass every update through the codec and admission; returns bytes and who fell out."""
    dtype, bound = simulation.work.dtype, simulation.work.max_update_norm
    sent, quarantined = 0, []
    for site in table.sites():
        update = table.get(site)
        schema = schema_of(update)
        blob = encode(update, dtype)
        sent += len(blob)
        received = decode(blob, schema, dtype)
        try:
            floors = noise_floors(simulation.work, schema, number)
            check_update(received, schema=schema, max_norm=bound, floors=floors)
        except AdmissionError:
            quarantined.append(site)
            table.drop(site)
        else:
            table.put(site, received)
    return sent, tuple(quarantined)


def _fold_in(
    simulation: Simulation, state: ServerState, updates: Mapping[str, Tensors]
) -> tuple[ServerState, RoundDiagnostics]:
    if simulation.robust is None or not updates:
        return simulation.method.apply(state, updates, simulation.weights)
    mean = simulation.robust(updates, simulation.weights)
    return simulation.method.apply(state, {ROBUST_SITE: mean}, {ROBUST_SITE: 1.0})


def _learn(
    simulation: Simulation,
    before: ServerState,
    after: ServerState,
    admitted: Mapping[str, Tensors],
    seconds: Mapping[str, float],
) -> ServerState:
    """Let a configurator see what came of its choices."""
    if simulation.configurator is None:
        return after

    def alone(sites: Sequence[str]) -> ServerState:
        return _fold_in(simulation, before, {site: admitted[site] for site in sites})[0]

    return simulation.configurator.learn(
        before, after, alone, {site: seconds[site] for site in simulation.sites if site in admitted}
    )


def _encoded_bytes(state: Tensors | None) -> int:
    return 0 if state is None else sum(len(chunk) for chunk in encode_chunks(state, "F32"))


def _nobody_watches(done: int, total: int) -> None:
    del done, total
