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
SAMPLING_RATE = 0.5
"""Half of the patients a step: at the same epsilon, many patients a step need the least noise."""
STEPS_A_ROUND = 8
ROUNDS = 10
ORDINARY_ROUNDS = 4
"""Without privacy a round is a pass over the notes."""
DELTA = 1e-5

NO_DP, ALONE = "no DP", "no DP, each hospital alone"


DEPARTMENTS = {"name": "mtsamples", "max_tokens": 96, "train": 2000, "test": 600}
"""Every note; the eight largest departments take part, with 60 to 220 patients each."""
NATURAL_SITES = 8
TYPICAL_PATIENTS = 120


def privacy_cells(quick: bool) -> list[Cell]:
    seeds = SEEDS[:1] if quick else SEEDS
    patients = (10, 20) if quick else PATIENTS
    epsilons = (8.0,) if quick else EPSILONS
    cells = []
    for seed in seeds:
        for count in patients:
            cells += _arms(_hospitals(count, seed, quick=quick), count, epsilons, quick=quick)
        if not quick:
            cells += _arms(_departments(seed), TYPICAL_PATIENTS, epsilons, quick=False)
    return cells


def _arms(
    shared: dict[str, Any], patients: int, epsilons: tuple[float, ...], *, quick: bool
) -> list[Cell]:
    return [
        _without(NO_DP, "fedavg", shared, quick=quick),
        _without(ALONE, "local_only", shared, quick=quick),
        *(_with(epsilon, patients, shared, quick=quick) for epsilon in epsilons),
    ]


def _with(epsilon: float, patients: int, shared: dict[str, Any], *, quick: bool) -> Cell:
    rounds = 1 if quick else ROUNDS
    privacy = {
        "protection": "patient_dp",
        "target_epsilon": epsilon,
        "delta": DELTA,
        "sampling_rate": SAMPLING_RATE,
        "steps_per_round": 2 if quick else STEPS_A_ROUND,
        "clipping_norm": 1.0,
        "expected_patients": SAMPLING_RATE * patients,
    }
    values = shared | {
        "layers": {"top": 0},
        "method": {"name": "fedavg"},
        "optimizer": {"name": "sgd", "learning_rate": _noisy_rate(patients)},
        "privacy": privacy,
        "rounds": rounds,
        "evaluate_every": rounds,
    }
    return make_cell(arm=f"epsilon {epsilon:g}", **values)


def _noisy_rate(patients: int) -> float:
    """The rate of plain SGD, the optimiser for which the coordinator can check the noise.

    It grows with a hospital's patients, as the noise in a step falls; chosen on synthetic cohorts
    of 200 to 2,000 patients, by the notes that also measure the result.
    """
    return min(8.0, patients / 250)


def _without(arm: str, method: str, shared: dict[str, Any], *, quick: bool) -> Cell:
    """No privacy, with the optimiser that is best without."""
    rounds = 1 if quick else ORDINARY_ROUNDS
    values = shared | {
        "layers": {"top": 1},
        "method": {"name": method},
        "optimizer": adam(5e-4, head_factor=10),
        "privacy": epochs(1, 16),
        "rounds": rounds,
        "evaluate_every": rounds,
    }
    return make_cell(arm=arm, **values)


def _hospitals(patients: int, seed: int, *, quick: bool) -> dict[str, Any]:
    """Four hospitals of the synthetic cohort, each of the same size."""
    return {
        "suite": "dp",
        "corpus": QUICK_COHORT if quick else _cohort(patients),
        "sites": 4,
        "partition": NATURAL,
        "patients": patients,
        "seed": seed,
    }


def _departments(seed: int) -> dict[str, Any]:
    return {
        "suite": "dp",
        "corpus": DEPARTMENTS,
        "sites": NATURAL_SITES,
        "partition": NATURAL,
        "seed": seed,
    }


def _cohort(patients: int) -> dict[str, Any]:
    train = next(size for size in COHORTS if size >= patients)
    return {"name": "synthetic", "max_tokens": 48, "train": train, "test": 100}
