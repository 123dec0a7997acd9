"""Simulated federations of a tiny model, over random token ids."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fedclinic.learning.hidden_states import ComputedHiddenStates, HiddenStates
from fedclinic.learning.layers import SplitModel, split
from fedclinic.learning.tasks import EncodedNotes
from fedclinic.methods import make_method
from fedclinic.plan import Layers
from fedclinic.rounds import Work
from fedclinic.simulation.federation import Simulation
from fedclinic.simulation.site_data import divide
from fedclinic.simulation.trunk import SharedTrunk
from tests.factories import make_plan, make_unprotected, make_work
from tests.tiny_models import make_bert
from tests.tiny_rounds import CLASSES, CPU, one_note_each


def make_tiny_model(top: int = 1) -> SplitModel:
    model = split(make_bert(), Layers(top=top), outputs=CLASSES, pooled=True)
    with torch.no_grad():
        model.trunk.head.weight.normal_(std=0.1, generator=torch.Generator().manual_seed(3))
    return model


def make_tiny_work(**changes: Any) -> Work:
    return make_work(
        **{"privacy": make_unprotected(batch_notes=4), "max_update_norm": 1e6} | changes
    )


def make_simulation(
    folder: Path,
    *,
    parts: Sequence[Sequence[int]] = ((0, 1, 2, 3, 4), (5, 6, 7), (8, 9, 10, 11)),
    notes: EncodedNotes | None = None,
    hidden: HiddenStates | None = None,
    top: int = 1,
    **changes: Any,
) -> Simulation:
    corpus = notes or one_note_each(max(max(part) for part in parts) + 1)
    model = make_tiny_model(top)
    sites = divide(
        corpus,
        hidden or ComputedHiddenStates(model.stem, corpus.rows, CPU),
        [np.array(part) for part in parts],
    )
    values: dict[str, Any] = {
        "trunk": SharedTrunk.of(model),
        "precision": CPU,
        "work": make_tiny_work(),
        "method": make_method(make_plan().method, tuple(sites)),
        "sites": sites,
        "weights": {site: float(data.notes.patients) for site, data in sites.items()},
        "noise_key": lambda site, number: f"{site}/{number}".encode().ljust(32, b"."),
        "folder": folder,
    }
    return Simulation(**values | changes)
