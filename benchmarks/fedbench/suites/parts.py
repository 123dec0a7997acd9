"""What cells of several suites have in common."""

from typing import Any

from fedbench.cell import Cell

SEEDS = (0, 1, 2)
MINILM_BLOCKS = 6

QUICK_COHORT = {"name": "synthetic", "max_tokens": 24, "train": 20, "test": 8}

WHOLE_GPT = {"top": 6, "embeddings": True}
"""Every tensor of the small GPT, which starts at random."""

IID = {"kind": "iid"}
NATURAL = {"kind": "natural"}


def adam(learning_rate: float, *, head_factor: float) -> dict[str, Any]:
    return {
        "name": "adam",
        "learning_rate": learning_rate,
        "head_factor": head_factor,
        "decay": "linear",
    }


def epochs(count: int, batch: int) -> dict[str, Any]:
    """Ordinary training; the cell's seed takes the place of this one."""
    return {"protection": "none", "epochs_per_round": count, "batch_notes": batch, "seed": 0}


def dirichlet(alpha: float) -> dict[str, Any]:
    return {"kind": "dirichlet", "alpha": alpha}


def make_cell(**values: Any) -> Cell:
    """Make a cell from plain values, so that it is named by what is said here and no more."""
    return Cell.model_validate({"model": "minilm"} | values)
