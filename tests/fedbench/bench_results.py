"""Cells and results that were never measured, for tests of what is done with them."""

from typing import Any

from fedbench.cell import Cell
from fedbench.results import Machine, Point, Result
from fedbench.suites.parts import IID, QUICK_COHORT, adam, epochs, make_cell
from tests.factories import DIGEST

MACHINE = Machine(processor="abacus", threads=1, precision="fp32", torch="2")


def make_test_cell(**changes: Any) -> Cell:
    values: dict[str, Any] = {
        "suite": "scale",
        "arm": "5 sites",
        "corpus": QUICK_COHORT,
        "layers": {"top": 1},
        "method": {"name": "fedavg"},
        "optimizer": adam(1e-3, head_factor=1),
        "privacy": epochs(1, 4),
        "rounds": 2,
        "sites": 5,
        "partition": IID,
        "seed": 0,
    }
    return make_cell(**values | changes)


def make_result(cell: Cell, *, score: float = 0.5, **changes: Any) -> Result:
    point = Point(
        round_number=cell.rounds,
        seconds=8.0,
        bytes_up=1_000_000 * cell.sites * cell.rounds,
        bytes_down=1_000_000 * cell.sites,
        cpu_seconds=4.0,
        metrics={"accuracy": score, "macro_f1": score / 2, "perplexity": 100 * score},
    )
    values: dict[str, Any] = {
        "digest": cell.digest(),
        "group": cell.group(),
        "cell": cell.model_dump(mode="json", exclude_unset=True),
        "base_model": DIGEST,
        "patients": (16,) * cell.sites,
        "test_notes": 30,
        "trained_parameters": 250_000,
        "model_parameters": 1_000_000,
        "noise_multiplier": None,
        "quarantined": 0,
        "selected": {},
        "curve": (point,),
        "wall_seconds": 9.0,
        "machine": MACHINE,
    }
    return Result.model_validate(values | changes)
