"""Any order of calls, crashes and reopenings keeps the ledger true to a simple model."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fedclinic.errors import BudgetError, LedgerError
from fedclinic.privacy.budget import caps_of, demand_of, fits
from fedclinic.privacy.ledger_events import Reserved
from site_agent.ledger_file import LedgerFile
from tests.site_agent.ledger_file.ledgers import PLAN, ROUND, Clock


class LedgerMachine(RuleBasedStateMachine):
    """Any order of calls, crashes and reopenings keeps the ledger true to a simple model."""

    @initialize()
    def start(self) -> None:
        import tempfile  # noqa: PLC0415 - fixtures do not reach a state machine

        self.folder = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.holds: dict[str, tuple[str, int, list[str]]] = {}
        self.rounds = 0
        self.open()
        for cohort in ("a", "b"):
            self.ledger.add_cohort(cohort, epsilon=4.0, delta=1e-5, yearly_epsilon=2.5)
        self.witness = self.ledger.head()

    def open(self) -> None:
        path = self.folder / "ledger.sqlite"
        self.ledger = LedgerFile.open(path, site="st_elsewhere", clock=self.clock)

    @rule(
        cohorts=st.lists(st.sampled_from("ab"), min_size=1, unique=True),
        steps=st.integers(1, 60),
        again=st.booleans(),
    )
    def reserve(self, cohorts: list[str], steps: int, again: bool) -> None:
        self.rounds += 0 if again and self.rounds else 1
        before = self.ledger.head()
        try:
            hold = self.ledger.reserve(
                run=f"run-{self.rounds % 3}",
                round_number=self.rounds,
                cohorts=cohorts,
                mechanism=ROUND.model_copy(update={"steps": steps}),
                plan_digest=PLAN,
            )
        except (BudgetError, LedgerError):
            assert self.ledger.head() == before
            return
        self.holds.setdefault(hold, ("reserved", steps, cohorts))

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), verb=st.sampled_from(["begin_use", "commit", "refund"]))
    def act(self, data: st.DataObject, verb: str) -> None:
        hold = data.draw(st.sampled_from(sorted(self.holds)))
        state, steps, cohorts = self.holds[hold]
        allowed, after = {
            "begin_use": ("reserved", "using"),
            "commit": ("using", "committed"),
            "refund": ("reserved", "refunded"),
        }[verb]
        arguments = (hold, "a reason") if verb == "refund" else (hold,)
        if state == allowed:
            getattr(self.ledger, verb)(*arguments)
            self.holds[hold] = (after, steps, cohorts)
        else:
            with pytest.raises(LedgerError):
                getattr(self.ledger, verb)(*arguments)

    @rule(run=st.integers(0, 2))
    def recover(self, run: int) -> None:
        self.ledger.recover(f"run-{run}")
        of_run = {
            e.hold
            for _, e in self.ledger.history()
            if isinstance(e, Reserved) and e.run == f"run-{run}"
        }
        for hold in of_run:
            state, steps, cohorts = self.holds[hold]
            after = {"reserved": "refunded", "using": "committed"}.get(state, state)
            self.holds[hold] = (after, steps, cohorts)

    @rule(days=st.floats(0, 300))
    def wait(self, days: float) -> None:
        self.clock.now += days * 86_400

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.open()

    @rule()
    def take_witness(self) -> None:
        self.witness = self.ledger.head()

    @invariant()
    def the_ledger_is_true_and_within_its_caps(self) -> None:
        if not hasattr(self, "ledger"):
            return
        self.ledger.verify(self.witness)
        for budget in self.ledger.budgets():
            charged = sum(
                steps
                for state, steps, cohorts in self.holds.values()
                if state != "refunded" and budget.cohort in cohorts
            )
            assert budget.spent_epsilon <= budget.cap_epsilon
            assert budget.year_spent_epsilon <= (budget.year_cap_epsilon or 0)
            one = demand_of(ROUND.model_copy(update={"steps": max(charged, 1)}))
            assert (budget.spent_epsilon > 0) == (charged > 0)
            assert charged == 0 or fits(one, caps_of(4.0, 1e-5))

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
            shutil.rmtree(self.folder)


LedgerMachine.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestLedgerMachine = LedgerMachine.TestCase
