"""Layer dropout against none, by the work until the same accuracy (DropPEFT, arXiv 2503.10217)."""

from typing import Any

from fedbench.cell import Cell
from fedbench.suites.parts import IID, QUICK_COHORT, SEEDS, adam, epochs, make_cell

COHORT = {"name": "synthetic", "max_tokens": 48, "train": 60, "test": 60}
RATES = (0.25, 0.5, 0.75)
ROUNDS = 12
LORA = {"kind": "lora", "rank": 8, "alpha": 16, "targets": "query_value"}
BANDIT = {"kind": "bandit", "arms": 4, "window_rounds": 3}
CHOSEN = "chosen by the bandit"
NO_DROPOUT = "p = 0"


def time_cells(quick: bool) -> list[Cell]:
    rates = RATES[1:2] if quick else RATES
    arms: dict[str, dict[str, Any]] = {NO_DROPOUT: {"name": "fedavg"}}
    arms |= {f"p = {p:g}": {"name": "droppeft", "rate": p, "masks": "exact"} for p in rates}
    arms[CHOSEN] = {"name": "droppeft", "rate": 0.5, "masks": "exact", "configurator": BANDIT}
    return [
        make_cell(
            suite="time_to_accuracy",
            arm=arm,
            corpus=QUICK_COHORT if quick else COHORT,
            layers={"top": 6, "adapter": LORA},
            method=method,
            optimizer=adam(2e-3, head_factor=5),
            privacy=epochs(1, 16),
            rounds=1 if quick else ROUNDS,
            sites=4,
            partition=IID,
            seed=seed,
        )
        for seed in (SEEDS[:1] if quick else SEEDS)
        for arm, method in arms.items()
    ]
