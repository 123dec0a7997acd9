"""Sites whose labels differ: Dirichlet over labels, and the departments of a hospital."""

from typing import Any

from fedbench.cell import Cell
from fedbench.suites.parts import (
    NATURAL,
    QUICK_COHORT,
    SEEDS,
    adam,
    dirichlet,
    epochs,
    make_cell,
)
from fedbench.suites.quality import MTSAMPLES

ALPHAS = (0.1, 0.5, 1.0, 100.0)
SITES = 8
ROUNDS = 8
"""Of one pass; the top block and the head train, so that all cells take an hour or two."""
METHODS: dict[str, dict[str, Any]] = {
    "FedAvg": {"name": "fedavg"},
    "FedProx": {"name": "fedprox", "mu": 0.01},
    "FedAdam": {"name": "fedadam", "server_learning_rate": 0.001},
    "each site alone": {"name": "local_only"},
}


def heterogeneity_cells(quick: bool) -> list[Cell]:
    rounds = 1 if quick else ROUNDS
    partitions = [(f"Dirichlet {a:g}", dirichlet(a)) for a in (ALPHAS[-1:] if quick else ALPHAS)]
    partitions.append(("natural sites", NATURAL))
    return [
        make_cell(
            suite="heterogeneity",
            arm=f"{method}, {where}",
            corpus=QUICK_COHORT if quick else MTSAMPLES,
            layers={"top": 1},
            method=METHODS[method],
            optimizer=adam(5e-4, head_factor=10),
            privacy=epochs(1, 4),
            rounds=rounds,
            evaluate_every=rounds,
            sites=4 if quick else SITES,
            partition=partition,
            seed=seed,
        )
        for seed in (SEEDS[:1] if quick else SEEDS)
        for where, partition in partitions
        for method in METHODS
    ]
