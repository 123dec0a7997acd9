"""Bytes of one round, as the codec writes them: no model is better for it, so one round will do."""

from typing import Any

from fedbench.cell import Cell
from fedbench.suites.parts import IID, MINILM_BLOCKS, QUICK_COHORT, adam, epochs, make_cell


def byte_cells(quick: bool) -> list[Cell]:
    tops = (1, 2) if quick else (MINILM_BLOCKS, 3, 2, 1)
    full: list[dict[str, Any]] = [{"top": top} for top in tops]
    small: list[dict[str, Any]] = [{"top": top, "parameters": "biases"} for top in tops[-2:]]
    return [
        make_cell(
            suite="bytes",
            arm=_name(layers, dtype),
            corpus=QUICK_COHORT,
            layers=layers,
            method={"name": "fedavg"},
            optimizer=adam(3e-4, head_factor=10),
            privacy=epochs(1, 20),
            rounds=2,
            evaluate_every=2,
            sites=4,
            partition=IID,
            dtype=dtype,
            seed=0,
        )
        for layers in full + small
        for dtype in ("F32", "BF16")
    ]


def _name(layers: dict[str, Any], dtype: str) -> str:
    tensors = "biases of" if layers.get("parameters") == "biases" else ""
    return f"{tensors} top {layers['top']}, {dtype}".strip()
