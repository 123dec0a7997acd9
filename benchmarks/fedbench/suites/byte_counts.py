"""Bytes of one round, as the codec writes them: no model is better for it, so one round will do."""

from typing import Any

from fedbench.cell import Cell
from fedbench.suites.parts import IID, MINILM_BLOCKS, QUICK_COHORT, adam, epochs, make_cell

LORA = {"kind": "lora", "rank": 16, "alpha": 32, "targets": "query_value"}
FEDAVG = {"name": "fedavg"}
WHOLE = "whole model, embeddings too"
SPLIT = {"name": "splitnn", "cut": 3}
PERSONAL = {"name": "droppeft", "rate": 0.5, "share": 0.5}


def byte_cells(quick: bool) -> list[Cell]:
    tops = (1, 2) if quick else (MINILM_BLOCKS, 3, 2, 1)
    sent: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        *((WHOLE, {"top": MINILM_BLOCKS, "embeddings": True}, FEDAVG) for _ in tops[2:3]),
        *((f"top {top}", {"top": top}, FEDAVG) for top in tops),
        *((f"biases of top {top}", {"top": top, "parameters": "biases"}, FEDAVG) for top in (2, 1)),
        *((f"LoRA in top {top}", {"top": top, "adapter": LORA}, FEDAVG) for top in tops[:2]),
        ("half of the top 6 shared (PTLS)", {"top": MINILM_BLOCKS}, PERSONAL),
        ("SplitNN, three blocks at the site", {"top": MINILM_BLOCKS}, SPLIT),
    ]
    return [
        make_cell(
            suite="bytes",
            arm=f"{name}, {dtype}",
            corpus=QUICK_COHORT,
            layers=layers,
            method=method,
            optimizer=adam(3e-4, head_factor=10),
            privacy=epochs(1, 20),
            rounds=2,
            evaluate_every=2,
            sites=4,
            partition=IID,
            dtype=dtype,
            seed=0,
        )
        for name, layers, method in sent
        for dtype in ("F32", "BF16")
    ]
