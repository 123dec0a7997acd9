"""Many sites, each with few patients."""

from fedbench.cell import Cell
from fedbench.suites.parts import IID, QUICK_COHORT, adam, epochs, make_cell

COHORT = {"name": "synthetic", "max_tokens": 32, "train": 500, "test": 50}
SITES = (10, 100, 1000)


def scale_cells(quick: bool) -> list[Cell]:
    return [
        make_cell(
            suite="scale",
            arm=f"{sites} sites",
            corpus=QUICK_COHORT if quick else COHORT,
            layers={"top": 1},
            method={"name": "fedavg"},
            optimizer=adam(3e-4, head_factor=10),
            privacy=epochs(1, 8),
            rounds=2,
            evaluate_every=2,
            sites=sites,
            partition=IID,
            dtype="BF16",
            seed=0,
        )
        for sites in ((5, 20) if quick else SITES)
    ]
