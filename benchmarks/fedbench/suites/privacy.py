"""Quality under patient-level DP-SGD, by epsilon and by patients at each of four hospitals.

With privacy only the head trains, on the pooled output of the whole frozen model: it has so few
parameters that little noise is added, and its steps cost so little that many patients join each.
What it is compared with trains the top block too, federated, and at each hospital alone.
"""

from typing import Any

from fedbench.cell import Cell
from fedbench.suites.parts import NATURAL, QUICK_COHORT, SEEDS, adam, epochs, make_cell

COHORTS = (1000, 2000, 5000)
"""Patients a hospital that are encoded: the smaller cohort where it is large enough."""
EPSILONS = (8.0, 4.0, 2.0, 1.0, 0.5)
PATIENTS = (200, 500, 1000, 2000, 5000)
PATIENTS_A_STEP = 256
STEPS_A_ROUND = 8
ROUNDS = 4
DELTA = 1e-5

NOISY = {"name": "sgd", "learning_rate": 8.0}
"""Plain SGD, the optimiser for which the coordinator can check the noise; the rate was chosen on
cohorts of 200, 500 and 1,000 patients at epsilon 8."""
NO_DP, ALONE = "no DP", "no DP, each hospital alone"


def privacy_cells(quick: bool) -> list[Cell]:
    seeds = SEEDS[:1] if quick else SEEDS
    patients = (10, 20) if quick else PATIENTS
    epsilons = (8.0,) if quick else EPSILONS
    return [
        cell
        for seed in seeds
        for count in patients
        for cell in (
            _without(NO_DP, "fedavg", count, seed, quick=quick),
            _without(ALONE, "local_only", count, seed, quick=quick),
            *(_with(epsilon, count, seed, quick=quick) for epsilon in epsilons),
        )
    ]


def _with(epsilon: float, patients: int, seed: int, *, quick: bool) -> Cell:
    """The patients a step are the same at every size: a larger hospital samples a smaller part."""
    rate = min(0.5, PATIENTS_A_STEP / patients)
    privacy = {
        "protection": "patient_dp",
        "target_epsilon": epsilon,
        "delta": DELTA,
        "sampling_rate": rate,
        "steps_per_round": 2 if quick else STEPS_A_ROUND,
        "clipping_norm": 1.0,
        "expected_patients": rate * patients,
    }
    values = _shared(patients, seed, quick=quick) | {"optimizer": NOISY, "privacy": privacy}
    return make_cell(arm=f"epsilon {epsilon:g}", **values)


def _without(arm: str, method: str, patients: int, seed: int, *, quick: bool) -> Cell:
    """No privacy, with the optimiser that is best without."""
    values = _shared(patients, seed, quick=quick) | {
        "layers": {"top": 1},
        "optimizer": adam(5e-4, head_factor=10),
        "privacy": epochs(1, 16),
        "method": {"name": method},
    }
    return make_cell(arm=arm, **values)


def _shared(patients: int, seed: int, *, quick: bool) -> dict[str, Any]:
    rounds = 1 if quick else ROUNDS
    return {
        "suite": "dp",
        "corpus": QUICK_COHORT if quick else _cohort(patients),
        "layers": {"top": 0},
        "method": {"name": "fedavg"},
        "rounds": rounds,
        "evaluate_every": rounds,
        "sites": 4,
        "partition": NATURAL,
        "patients": patients,
        "seed": seed,
    }


def _cohort(patients: int) -> dict[str, Any]:
    train = next(size for size in COHORTS if size >= patients)
    return {"name": "synthetic", "max_tokens": 48, "train": train, "test": 100}
