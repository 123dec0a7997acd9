"""Targeted layer updates against other blocks of the same number (FedTLU, arXiv 2412.17692)."""

from typing import Any

from fedbench.cell import Cell
from fedbench.suites.parts import IID, SEEDS, WHOLE_GPT, adam, epochs, make_cell

TEXT = {"name": "mtsamples", "max_tokens": 32, "train": 60, "test": 20}
QUICK_TEXT = {"name": "synthetic", "max_tokens": 16, "train": 10, "test": 4}
SITES = 10
ROUNDS = 8
KEPT = 2
ALL = "FedAvg, all 6 blocks"
CRITICAL, RANDOM, LAST = (
    f"{KEPT} of 6 blocks: critical (FedTLU)",
    f"{KEPT} of 6 blocks: random",
    f"{KEPT} of 6 blocks: last",
)


def targeted_cells(quick: bool) -> list[Cell]:
    tlu: dict[str, Any] = {"name": "fedtlu", "keep": KEPT}
    arms: dict[str, dict[str, Any]] = {
        ALL: {"name": "fedavg"},
        CRITICAL: tlu | {"choose": "critical"},
        RANDOM: tlu | {"choose": "random"},
        LAST: tlu | {"choose": "last"},
    }
    return [
        make_cell(
            suite="fedtlu",
            arm=arm,
            model="small_gpt",
            corpus=QUICK_TEXT if quick else TEXT,
            layers=WHOLE_GPT,
            method=method | ({"seed": seed} if "keep" in method else {}),
            optimizer=adam(5e-3, head_factor=1),
            privacy=epochs(1, 4),
            rounds=1 if quick else ROUNDS,
            sites=SITES if not quick else 4,
            partition=IID,
            seed=seed,
        )
        for seed in (SEEDS[:1] if quick else SEEDS)
        for arm, method in arms.items()
    ]
