"""Bad sites against means that should survive them."""

from typing import Any, get_args

from fedbench.cell import AttackName, Cell
from fedbench.suites.parts import IID, QUICK_COHORT, SEEDS, adam, epochs, make_cell

COHORT = {"name": "synthetic", "max_tokens": 48, "train": 200, "test": 100}
SITES = 10
BAD = (1, 2, 3)
ATTACKS: tuple[str, ...] = get_args(AttackName)
MEANS: dict[str, dict[str, Any]] = {
    "mean": {},
    "norm bound": {"robust": "norm_bound"},
    "centred clipping": {"robust": "centred_clipping"},
    "trimmed mean": {"robust": "trimmed_mean"},
}


def robustness_cells(quick: bool) -> list[Cell]:
    seeds = SEEDS[:1] if quick else SEEDS
    attacks = ("sign_flip",) if quick else ATTACKS
    bad = (1,) if quick else BAD
    damage: list[tuple[str, dict[str, Any]]] = [("no bad site", {})]
    damage += [
        (f"{count} of {SITES} {attack}", {"bad": {"attack": attack, "sites": count}})
        for count in reversed(bad)
        for attack in attacks
    ]
    return [
        make_cell(arm=f"{mean}, {what}", **_shared(seed, quick=quick) | changes | MEANS[mean])
        for seed in seeds
        for what, changes in damage
        for mean in MEANS
    ]


def _shared(seed: int, *, quick: bool) -> dict[str, Any]:
    rounds = 1 if quick else 5
    return {
        "suite": "robustness",
        "corpus": QUICK_COHORT if quick else COHORT,
        "layers": {"top": 1},
        "method": {"name": "fedavg"},
        "optimizer": adam(3e-4, head_factor=10),
        "privacy": epochs(1, 8),
        "rounds": rounds,
        "evaluate_every": rounds,
        "sites": SITES,
        "partition": IID,
        "seed": seed,
    }
