"""Bad sites against means and methods that should survive them, in language modelling."""

from typing import Any, get_args

from fedbench.cell import AttackName, Cell
from fedbench.suites.parts import IID, SEEDS, WHOLE_GPT, adam, epochs, make_cell

TEXT = {"name": "synthetic", "max_tokens": 32, "train": 25, "test": 15}
QUICK_TEXT = {"name": "synthetic", "max_tokens": 16, "train": 5, "test": 3}
SITES = 10
ROUNDS = 4
BAD = (3, 2, 1)
ATTACKS: tuple[str, ...] = get_args(AttackName)
NO_BAD_SITE = "no bad site"

FEDAVG = {"name": "fedavg"}
TARGETED = {"name": "fedtlu", "keep": 2}
DEFENCES: dict[str, dict[str, Any]] = {
    "mean": {"method": FEDAVG},
    "norm bound": {"method": FEDAVG, "robust": "norm_bound"},
    "centred clipping": {"method": FEDAVG, "robust": "centred_clipping"},
    "trimmed mean": {"method": FEDAVG, "robust": "trimmed_mean"},
    "FedTLU, 2 of 6": {"method": TARGETED},
    "guarded FedTLU, 2 of 6": {"method": TARGETED | {"guarded": True}},
}


def robustness_cells(quick: bool) -> list[Cell]:
    """Most bad sites first: it is there that defences differ."""
    seeds = SEEDS[:1] if quick else SEEDS
    damage: list[tuple[str, dict[str, Any]]] = [(NO_BAD_SITE, {})]
    damage += [
        (f"{count} of {SITES} {attack}", {"bad": {"attack": attack, "sites": count}})
        for count in (BAD[:1] if quick else BAD)
        for attack in (ATTACKS[:2] if quick else ATTACKS)
    ]
    return [
        make_cell(
            suite="robustness",
            arm=f"{defence}; {what}",
            model="small_gpt",
            corpus=QUICK_TEXT if quick else TEXT,
            layers=WHOLE_GPT,
            optimizer=adam(5e-3, head_factor=1),
            privacy=epochs(1, 4),
            rounds=1 if quick else ROUNDS,
            evaluate_every=1 if quick else ROUNDS,
            sites=SITES,
            partition=IID,
            seed=seed,
            **changes | DEFENCES[defence],
        )
        for seed in seeds
        for what, changes in damage
        for defence in DEFENCES
    ]
