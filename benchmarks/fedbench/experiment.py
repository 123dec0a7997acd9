"""Run one cell: divide the patients, simulate the rounds, measure on the test notes."""

import hashlib
import platform
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fedbench.cell import Cell
from fedbench.laboratory import Laboratory, Prepared, strata
from fedbench.results import Machine, Point, Result
from fedclinic.learning.hidden_states import Precision
from fedclinic.learning.tasks import IntArray
from fedclinic.method_plan import SplitNN, configurator_of, training_of
from fedclinic.methods import ServerState, make_method
from fedclinic.plan import BaseModelRef, PatientPrivacy, Privacy
from fedclinic.privacy.accounting import calibrate_noise_multiplier
from fedclinic.rounds import Work
from fedclinic.simulation.attacks import LABEL_FLIP, flip_labels
from fedclinic.simulation.configurator import Configurator
from fedclinic.simulation.federation import BadSites, SimulatedRound, Simulation, run_rounds
from fedclinic.simulation.partition import by_group, dirichlet, iid
from fedclinic.simulation.robust import ROBUST_MEANS
from fedclinic.simulation.site_data import SiteData, divide
from fedclinic.simulation.split_learning import run_split_rounds
from fedclinic.updates.codec import Tensors
from fedclinic.updates.layout import count_parameters


def run_cell(cell: Cell, laboratory: Laboratory) -> Result:
    """Simulate the cell's federation and measure its curve.

    Raises:
        DataError: if the corpus is not there.
        ConfigError: if the patients cannot be divided as the cell asks.
    """
    began = time.perf_counter()
    prepared = laboratory.prepare(cell)
    simulation = make_simulation(cell, prepared, laboratory)
    rounds = []
    curve = [Point(round_number=0, seconds=0, cpu_seconds=0, bytes_up=0, bytes_down=0, metrics={})]
    for finished in _rounds(cell, simulation):
        rounds.append(finished)
        number = finished.state.round_number
        due = number % cell.evaluate_every == 0 or number == cell.rounds
        metrics = _measure(simulation, prepared, finished) if due else {}
        curve.append(_next_point(curve[-1], finished, metrics))
    privacy = simulation.work.privacy
    return Result(
        digest=cell.digest(),
        group=cell.group(),
        cell=cell.model_dump(mode="json", exclude_unset=True),
        base_model=prepared.base_model,
        patients=tuple(data.notes.patients for data in simulation.sites.values()),
        test_notes=prepared.test_notes,
        trained_parameters=count_parameters(prepared.trunk.model.shapes()),
        model_parameters=prepared.model_parameters,
        noise_multiplier=privacy.noise_multiplier if isinstance(privacy, PatientPrivacy) else None,
        quarantined=sum(len(finished.quarantined) for finished in rounds),
        selected=_selected(rounds),
        curve=tuple(point for point in curve[1:] if point.metrics),
        wall_seconds=time.perf_counter() - began,
        machine=describe_machine(laboratory.precision),
    )


def _rounds(cell: Cell, simulation: Simulation) -> Iterator[SimulatedRound]:
    if isinstance(cell.method, SplitNN):
        return run_split_rounds(simulation, cell.method.cut)
    return run_rounds(simulation)


def make_simulation(cell: Cell, prepared: Prepared, laboratory: Laboratory) -> Simulation:
    """Put a cell's federation together from its parts."""
    sites = divide(prepared.train, prepared.train_hidden, _parts(cell, prepared))
    bad = _bad_sites(cell, tuple(sites))
    if cell.bad is not None and cell.bad.attack == LABEL_FLIP:
        sites = _with_flipped_labels(sites, cell, prepared)
    return Simulation(
        trunk=prepared.trunk,
        precision=laboratory.precision,
        work=_work(cell, prepared),
        method=make_method(cell.method, tuple(sites)),
        sites=sites,
        weights={site: float(data.notes.patients) for site, data in sites.items()},
        noise_key=_keys(cell.seed),
        folder=laboratory.updates,
        robust=ROBUST_MEANS.get(cell.robust),
        bad=bad,
        configurator=_configurator(cell, prepared, tuple(sites)),
    )


def _configurator(cell: Cell, prepared: Prepared, sites: tuple[str, ...]) -> Configurator | None:
    """The cell's bandit, whose rewards come of the test notes: public ones, as in a federation."""
    bandit, start = configurator_of(cell.method), training_of(cell.method).dropout
    if bandit is None or start is None:
        return None

    def measure(state: ServerState) -> dict[str, float]:
        prepared.trunk.reset(state.change)
        return prepared.measure()

    return Configurator(bandit, start, sites, measure)


def _parts(cell: Cell, prepared: Prepared) -> tuple[IntArray, ...]:
    """The patients of each site, by their number in the corpus."""
    kept = _patients(cell, prepared)
    if cell.partition.kind == "natural":
        parts = by_group([prepared.groups[patient] for patient in kept])[: cell.sites]
    elif cell.partition.alpha is not None:
        labels = strata(prepared.train, prepared.task)[kept]
        alpha = cell.partition.alpha
        parts = dirichlet(labels, sites=cell.sites, alpha=alpha, seed=cell.seed)
    else:
        parts = iid(len(kept), sites=cell.sites, seed=cell.seed)
    return tuple(kept[part] for part in parts)


def _patients(cell: Cell, prepared: Prepared) -> IntArray:
    """All patients, or the first ones of every hospital."""
    if cell.patients is None:
        return np.arange(prepared.train.patients)
    hospitals = by_group(prepared.groups)
    return np.sort(np.concatenate([hospital[: cell.patients] for hospital in hospitals]))


def _bad_sites(cell: Cell, sites: tuple[str, ...]) -> BadSites | None:
    if cell.bad is None:
        return None
    return BadSites(sites[: cell.bad.sites], cell.bad.attack, cell.seed)


def _with_flipped_labels(
    sites: Mapping[str, SiteData], cell: Cell, prepared: Prepared
) -> dict[str, SiteData]:
    bad = _bad_sites(cell, tuple(sites))
    classes = prepared.trunk.model.trunk.head.out_features
    return {
        site: replace(data, notes=flip_labels(data.notes, classes))
        if bad is not None and site in bad.names
        else data
        for site, data in sites.items()
    }


def _work(cell: Cell, prepared: Prepared) -> Work:
    return Work(
        task=prepared.task,
        base_model=BaseModelRef(name=cell.model),
        layers=cell.layers,
        optimizer=cell.optimizer,
        privacy=_privacy(cell),
        rounds=cell.rounds,
        dtype=cell.dtype,
        max_update_norm=cell.max_update_norm,
        training=training_of(cell.method),
    )


def _privacy(cell: Cell) -> Privacy:
    """Calibrate the noise, or let the cell's seed decide the order of notes."""
    privacy = cell.privacy
    if not isinstance(privacy, PatientPrivacy):
        return privacy.model_copy(update={"seed": cell.seed})
    noise = calibrate_noise_multiplier(
        target_epsilon=privacy.target_epsilon,
        delta=privacy.delta,
        sampling_rate=privacy.sampling_rate,
        steps=cell.rounds * privacy.steps_per_round,
    )
    return privacy.model_copy(update={"noise_multiplier": noise})


def _keys(seed: int) -> Callable[[str, int], bytes]:
    return lambda site, number: hashlib.sha256(f"{seed}/{site}/{number}".encode()).digest()


def _measure(
    simulation: Simulation, prepared: Prepared, finished: SimulatedRound
) -> dict[str, float]:
    """Measure the global model; where sites have models of their own, take the mean over them."""
    measured = []
    for change, personal in _models(simulation, finished):
        simulation.trunk.reset(change, personal)
        measured.append(prepared.measure())
    return {name: float(np.mean([each[name] for each in measured])) for name in measured[0]}


def _models(simulation: Simulation, finished: SimulatedRound) -> Iterator[tuple[Tensors, Tensors]]:
    """The models that there are, each once: its change, and blocks that only one site has."""
    seen: set[int] = set()
    for site in simulation.sites:
        change = simulation.method.state_for(finished.state, site)
        personal = finished.personal.get(site, {})
        if id(change) not in seen or personal:
            seen.add(id(change))
            yield change, personal


def _next_point(before: Point, finished: SimulatedRound, metrics: dict[str, float]) -> Point:
    return Point(
        round_number=finished.state.round_number,
        seconds=before.seconds + finished.seconds,
        cpu_seconds=before.cpu_seconds + finished.cpu_seconds,
        bytes_up=before.bytes_up + finished.bytes_up,
        bytes_down=before.bytes_down + finished.bytes_down,
        metrics=metrics,
    )


def _selected(rounds: list[SimulatedRound]) -> dict[str, int]:
    kept = Counter(block for each in rounds for block in each.diagnostics.selected or ())
    return dict(sorted(kept.items()))


def describe_machine(precision: Precision) -> Machine:
    return Machine(
        processor=_processor(),
        threads=torch.get_num_threads(),
        precision="bf16" if precision.bf16 else "fp32",
        torch=torch.__version__,
    )


def _processor() -> str:
    """The processor's name, as Linux tells it."""
    path = Path("/proc/cpuinfo")
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()
