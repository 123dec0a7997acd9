"""Many sites, each with few notes: a six-block Transformer on public text, from random weights."""

from fedbench.cell import Cell
from fedbench.suites.parts import IID, WHOLE_GPT, adam, epochs, make_cell

TEXT = {"name": "bc5cdr", "max_tokens": 16, "train": 1000, "test": 200}
QUICK_TEXT = {"name": "synthetic", "max_tokens": 16, "train": 5, "test": 3}
SIZES = ((10, 2), (100, 2), (1000, 2), (100, 150))
"""Sites and rounds."""
QUICK_SIZES = ((5, 1), (20, 1))


def scale_cells(quick: bool) -> list[Cell]:
    return [
        make_cell(
            suite="scale",
            arm=f"{sites} sites, {rounds} rounds",
            model="small_gpt",
            corpus=QUICK_TEXT if quick else TEXT,
            layers=WHOLE_GPT,
            method={"name": "fedavg"},
            optimizer=adam(5e-3, head_factor=1),
            privacy=epochs(1, 16),
            rounds=rounds,
            evaluate_every=rounds,
            sites=sites,
            partition=IID,
            dtype="BF16",
            seed=0,
        )
        for sites, rounds in (QUICK_SIZES if quick else SIZES)
    ]
