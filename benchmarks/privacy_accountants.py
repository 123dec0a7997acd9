"""The agreement of accountants: PLD of record, PRV and RDP beside it, and the cost of one round.

python -m benchmarks.privacy_accountants
"""

import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from fedclinic.privacy.accountants import ACCOUNTANTS
from fedclinic.privacy.accounting import ComposedPrivacy
from fedclinic.privacy.budget import demand_of, spent_epsilon
from fedclinic.privacy.mechanism import Mechanism

DELTA = 1e-5
GRID = [
    (0.7, 0.01, 500),
    (0.8, 0.1, 60),
    (1.0, 0.02, 1000),
    (1.2, 0.01, 500),
    (2.0, 0.05, 500),
    (2.0, 0.5, 20),
    (4.0, 0.25, 300),
    (5.0, 0.01, 1000),
    (8.0, 1.0, 50),
    (16.0, 0.3, 400),
]


def timed(compute: Callable[[], float]) -> tuple[float, float]:
    began = time.process_time()
    return compute(), time.process_time() - began


def main() -> None:
    """Print both tables."""
    table = Table("sigma", "q", "steps", "PLD", "PRV", "RDP", "ledger", "PRV/PLD", "RDP/PLD", "s")
    for sigma, rate, steps in GRID:
        run = [Mechanism(noise_multiplier=sigma, sampling_rate=rate, steps=steps)]
        found = {n: timed(lambda a=a, run=run: a(run, delta=DELTA)) for n, a in ACCOUNTANTS.items()}
        pld, prv, rdp = (found[name][0] for name in ("PLD", "PRV", "RDP"))
        table.add_row(
            *(f"{value:g}" for value in (sigma, rate, steps)),
            *(f"{value:.4f}" for value in (pld, prv, rdp)),
            f"{spent_epsilon(demand_of(run[0]), DELTA):.4f}",
            *(f"{value / pld:.4f}" for value in (prv, rdp)),
            " ".join(f"{found[name][1]:.2f}" for name in ("PLD", "PRV", "RDP")),
        )
    console = Console(width=120)
    console.print(table)

    kept, slowest = ComposedPrivacy(), 0.0
    for number in range(60):
        one = Mechanism(
            noise_multiplier=1 + number / 200, sampling_rate=0.02 + number / 4000, steps=10
        )
        began = time.process_time()
        kept = kept.then(one)
        total = kept.epsilon(delta=DELTA)
        slowest = max(slowest, time.process_time() - began)
    console.print(
        f"60 rounds, all different: epsilon {total:.3f}, slowest round {slowest:.2f} s of processor"
    )


if __name__ == "__main__":
    main()
