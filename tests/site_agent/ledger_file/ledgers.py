"""A clock that the test sets, and what is asked of a ledger."""

from fedclinic.privacy.mechanism import Mechanism
from site_agent.ledger_file import LedgerFile

PLAN = "sha256:" + "1" * 64
OTHER_PLAN = "sha256:" + "2" * 64
ROUND = Mechanism(noise_multiplier=2.0, sampling_rate=0.05, steps=20)
IN_2024, IN_2025 = 1_720_000_000.0, 1_750_000_000.0


class Clock:
    def __init__(self, now: float = IN_2024) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def reserve(ledger: LedgerFile, round_number: int = 1, **changes: object) -> str:
    asked = {
        "run": "run-a",
        "round_number": round_number,
        "cohorts": ["2019", "2020"],
        "mechanism": ROUND,
        "plan_digest": PLAN,
    }
    return ledger.reserve(**{**asked, **changes})


def spent(ledger: LedgerFile) -> list[float]:
    return [budget.spent_epsilon for budget in ledger.budgets()]
