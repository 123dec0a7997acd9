"""Layer skipping against centralised training of the whole model (arXiv 2504.10536).

Rates and batches of NCBI were chosen on its dev split.
"""

from typing import Any

from fedbench.cell import Cell
from fedbench.suites.parts import (
    IID,
    MINILM_BLOCKS,
    QUICK_COHORT,
    SEEDS,
    adam,
    dirichlet,
    epochs,
    make_cell,
)

NCBI = {"name": "ncbi_disease", "max_tokens": 96, "train": 100, "test": 60}
BC5CDR = {"name": "bc5cdr", "max_tokens": 96, "train": 900, "test": 600}
MTSAMPLES = {"name": "mtsamples", "max_tokens": 64, "train": 400, "test": 300}
"""Parts of the corpora that a CPU gets through in minutes; scores are below those on all of it."""

PASSES = {"ncbi_disease": (16, 8), "bc5cdr": (16, 8), "mtsamples": (6, 6), "synthetic": (1, 1)}
"""Rounds of one pass each in a federation, and passes of centralised training: an average of sites
moves less in a pass than training in one place does."""
CENTRAL_BATCH = 8
SITE_BATCHES = {"ncbi_disease": 4, "bc5cdr": 4, "mtsamples": 4, "synthetic": 4}
"""Notes in a step; sentences or documents."""
HEAD_FACTORS = {"ncbi_disease": 4, "bc5cdr": 4, "mtsamples": 10, "synthetic": 10}
TOP_RATES = {"ncbi_disease": 5e-4, "bc5cdr": 5e-4, "mtsamples": 5e-4, "synthetic": 5e-4}
WHOLE_RATE = 3e-4
SPLIT = {"name": "splitnn", "cut": MINILM_BLOCKS // 2}
CENTRALISED = "centralised, all layers"


def quality_cells(quick: bool) -> list[Cell]:
    """All arms of a seed before the next seed, so that an early stop still compares."""
    corpora = (QUICK_COHORT,) if quick else (NCBI, MTSAMPLES, BC5CDR)
    seeds = SEEDS[:1] if quick else SEEDS
    return [
        cell
        for seed in seeds
        for corpus in corpora
        for cell in _arms(_shared(corpus, seed, quick=quick))
    ]


def _shared(corpus: dict[str, Any], seed: int, *, quick: bool) -> dict[str, Any]:
    rounds, _ = PASSES[corpus["name"]]
    return {
        "suite": "quality",
        "corpus": corpus,
        "layers": {"top": MINILM_BLOCKS // 2},
        "method": {"name": "fedavg"},
        "optimizer": adam(TOP_RATES[corpus["name"]], head_factor=HEAD_FACTORS[corpus["name"]]),
        "privacy": epochs(1, SITE_BATCHES[corpus["name"]]),
        "rounds": rounds,
        "evaluate_every": rounds,
        "partition": IID,
        "seed": seed,
    }


def _arms(shared: dict[str, Any]) -> list[Cell]:
    slower = {"optimizer": shared["optimizer"] | {"learning_rate": WHOLE_RATE}}
    everything = slower | {"layers": {"top": MINILM_BLOCKS}}
    whole = slower | {"layers": {"top": MINILM_BLOCKS, "embeddings": True}}
    _, passes = PASSES[shared["corpus"]["name"]]
    central = {
        "privacy": epochs(1, CENTRAL_BATCH),
        "rounds": passes,
        "evaluate_every": passes,
    }
    skewed = {"partition": dirichlet(0.5)}
    alone = {"method": {"name": "local_only"}}
    arms: list[tuple[str, int, dict[str, Any]]] = [
        (CENTRALISED, 1, everything | central),
        ("top half, 4 sites, IID", 4, {}),
        ("top half, 4 sites, Dirichlet 0.5", 4, skewed),
        ("top half, 8 sites, IID", 8, {}),
        ("top half, 8 sites, Dirichlet 0.5", 8, skewed),
        ("each site alone, top half, 4 sites, IID", 4, alone),
        ("full FedAvg, embeddings too, 4 sites, IID", 4, whole),
        ("SplitNN, top half at the coordinator, 4 sites, IID", 4, {"method": SPLIT}),
        ("centralised, top half", 1, central),
    ]
    return [make_cell(arm=arm, **shared | {"sites": sites} | part) for arm, sites, part in arms]
