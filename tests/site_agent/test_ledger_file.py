"""The ledger as a site uses it: on disk, raced for, killed, edited and rolled back."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from benchmarks.privacy_ledger import kill_many, race, rounds_that_fit
from fedclinic.errors import BudgetError, LedgerError
from fedclinic.privacy.budget import caps_of, demand_of, fits
from fedclinic.privacy.ledger_events import Committed, Refunded, Reserved, UseBegun
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.rounds import LedgerHead
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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(path: Path, clock: Clock) -> LedgerFile:
    opened = LedgerFile.open(path, site="st_elsewhere", clock=clock)
    opened.add_cohort("2019", epsilon=4.0, delta=1e-5)
    opened.add_cohort("2020", epsilon=4.0, delta=1e-5)
    return opened


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


def test_a_round_is_charged_to_every_cohort_it_touches(ledger):
    hold = reserve(ledger)
    ledger.begin_use(hold)
    ledger.commit(hold)
    assert ledger.spent_mechanisms("run-a") == [ROUND]
    assert spent(ledger)[0] == spent(ledger)[1] > 0


def test_what_is_held_counts_as_spent(ledger):
    reserve(ledger)
    assert all(epsilon > 0 for epsilon in spent(ledger))


def test_a_round_that_would_overspend_never_starts(ledger):
    big = ROUND.model_copy(update={"steps": 20_000})
    with pytest.raises(BudgetError, match=r"cohort 2019 has spent epsilon 0.000 of 4 for life"):
        reserve(ledger, mechanism=big)
    assert spent(ledger) == [0.0, 0.0]


def test_a_round_is_reserved_in_all_cohorts_or_in_none(ledger):
    ledger.add_cohort("2021", epsilon=0.2, delta=1e-5)
    with pytest.raises(BudgetError, match="cohort 2021"):
        reserve(ledger, cohorts=["2019", "2020", "2021"])
    assert spent(ledger) == [0.0, 0.0, 0.0]


def test_rounds_are_admitted_until_the_cap_and_no_further(ledger):
    admitted = 0
    with pytest.raises(BudgetError):
        for number in range(1, 1000):
            reserve(ledger, number)
            admitted += 1
    assert admitted > 1
    assert all(3.0 < epsilon <= 4.0 for epsilon in spent(ledger))
    demand = demand_of(ROUND)
    one_more = tuple((admitted + 1) * amount for amount in demand)
    assert not fits(one_more, caps_of(4.0, 1e-5))


def test_the_same_round_asked_again_is_the_same_hold(ledger):
    assert reserve(ledger) == reserve(ledger)
    assert len([e for _, e in ledger.history() if isinstance(e, Reserved)]) == 1


def test_the_same_round_with_another_plan_is_refused(ledger):
    reserve(ledger)
    with pytest.raises(LedgerError, match="another plan"):
        reserve(ledger, plan_digest=OTHER_PLAN)


def test_a_charged_round_is_not_given_away_again(ledger):
    hold = reserve(ledger)
    ledger.begin_use(hold)
    ledger.commit(hold)
    with pytest.raises(LedgerError, match="charged already"):
        reserve(ledger)


def test_another_attempt_is_another_charge(ledger):
    for attempt in (1, 2):
        hold = reserve(ledger, attempt=attempt)
        ledger.begin_use(hold)
        ledger.commit(hold)
    assert ledger.spent_mechanisms("run-a") == [ROUND, ROUND]


def test_use_begins_once(ledger):
    hold = reserve(ledger)
    ledger.begin_use(hold)
    with pytest.raises(LedgerError, match="is using, not reserved"):
        ledger.begin_use(hold)


def test_a_hold_is_in_use_from_its_begin_to_its_commit(ledger):
    hold = reserve(ledger)
    assert not ledger.in_use(hold)
    ledger.begin_use(hold)
    assert ledger.in_use(hold)
    ledger.commit(hold)
    assert not ledger.in_use(hold)


def test_nothing_is_refunded_after_notes_were_read(ledger):
    hold = reserve(ledger)
    ledger.begin_use(hold)
    with pytest.raises(LedgerError, match="is using, not reserved"):
        ledger.refund(hold, "please")


def test_a_refund_before_use_gives_all_back_and_the_round_may_be_reserved_again(ledger):
    first = reserve(ledger)
    ledger.refund(first, "the coordinator withdrew the round")
    assert spent(ledger) == [0.0, 0.0]
    assert reserve(ledger) != first


def test_fewer_steps_are_charged_less_and_more_are_refused(ledger):
    hold = reserve(ledger)
    ledger.begin_use(hold)
    with pytest.raises(LedgerError, match="more than was reserved"):
        ledger.commit(hold, spent=ROUND.model_copy(update={"steps": 21}))
    before = spent(ledger)
    ledger.commit(hold, spent=ROUND.model_copy(update={"steps": 5}))
    assert spent(ledger) < before


def test_a_stopped_run_is_refunded_what_it_did_not_touch_and_charged_what_it_did(ledger):
    touched, untouched = reserve(ledger, 1), reserve(ledger, 2)
    ledger.begin_use(touched)
    ledger.recover("run-a")
    ends = {e.hold: type(e) for _, e in ledger.history() if isinstance(e, Committed | Refunded)}
    assert ends == {touched: Committed, untouched: Refunded}


def test_a_year_has_its_own_budget_and_life_goes_on_counting(path, clock):
    ledger = LedgerFile.open(path, site="st_elsewhere", clock=clock)
    ledger.add_cohort("2019", epsilon=8.0, delta=1e-5, yearly_epsilon=1.5)
    reserve(ledger, 1, cohorts=["2019"])
    with pytest.raises(BudgetError, match=r"of 1\.5 in 2024"):
        for number in range(2, 1000):
            reserve(ledger, number, cohorts=["2019"])
    clock.now = IN_2025
    (budget,) = ledger.budgets()
    assert budget.year == 2025
    assert budget.year_spent_epsilon == 0.0
    assert budget.spent_epsilon > 1.0
    reserve(ledger, 2000, cohorts=["2019"])


def test_adding_a_cohort_again_changes_nothing_and_changing_it_is_refused(ledger):
    head = ledger.head()
    ledger.add_cohort("2019", epsilon=4.0, delta=1e-5)
    assert ledger.head() == head
    with pytest.raises(LedgerError, match="never changed"):
        ledger.add_cohort("2019", epsilon=5.0, delta=1e-5)


def test_a_cohort_without_a_budget_is_refused(ledger):
    with pytest.raises(LedgerError, match="2031 has no budget"):
        reserve(ledger, cohorts=["2031"])


def test_history_says_what_happened_in_order(ledger):
    hold = reserve(ledger, approved_by="data protection officer")
    ledger.begin_use(hold)
    ledger.commit(hold)
    kinds = [event.event for _, event in ledger.history()]
    assert kinds == ["opened", "cohort_added", "cohort_added", "reserved", "use_begun", "committed"]


def test_a_ledger_survives_reopening(ledger, path, clock):
    reserve(ledger)
    ledger.close()
    again = LedgerFile.open(path, site="st_elsewhere", clock=clock)
    assert all(epsilon > 0 for epsilon in spent(again))


def test_the_ledger_of_another_site_is_refused(ledger, path, clock):
    with pytest.raises(LedgerError, match="ledger of st_elsewhere, not of county_general"):
        LedgerFile.open(path, site="county_general", clock=clock)


def test_a_clock_that_went_back_is_refused_and_nothing_is_written(ledger, clock):
    head = ledger.head()
    clock.now -= 60
    with pytest.raises(LedgerError, match="clock is 60 s behind"):
        reserve(ledger)
    assert ledger.head() == head


def tamper(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER entry_update")
        connection.execute("DROP TRIGGER entry_delete")
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET body = replace(body, '\"epsilon\":4.0', '\"epsilon\":9.0')",
        "UPDATE entry SET body = replace(body, '\"steps\":20', '\"steps\":2')",
        "UPDATE entry SET hash = hash || '0' WHERE sequence = 2",
        "DELETE FROM entry WHERE sequence = 3",
        "DELETE FROM entry WHERE sequence = 1",
        "UPDATE entry SET sequence = 9 WHERE sequence = 4",
        "DELETE FROM entry",
    ],
)
def test_an_edited_ledger_is_refused(ledger, path, clock, statement):
    reserve(ledger)
    ledger.close()
    tamper(path, statement)
    with pytest.raises(LedgerError):
        LedgerFile.open(path, site="st_elsewhere", clock=clock)


def test_entries_cannot_be_changed_through_sql(ledger, path):
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append only"):
        connection.execute("DELETE FROM entry")
    connection.close()


def test_a_shortened_ledger_is_an_older_copy_to_its_witness(ledger, path, clock):
    reserve(ledger)
    witness = ledger.head()
    ledger.close()
    tamper(path, "DELETE FROM entry WHERE sequence = 4")
    older = LedgerFile.open(path, site="st_elsewhere", clock=clock)
    with pytest.raises(LedgerError, match="older copy"):
        older.verify(witness)


def test_a_restored_backup_that_went_another_way_is_detected(ledger, path, clock, tmp_path):
    ledger.close()
    shutil.copy(path, tmp_path / "backup")
    ledger = LedgerFile.open(path, site="st_elsewhere", clock=clock)
    reserve(ledger)
    witness = ledger.head()
    ledger.close()
    shutil.copy(tmp_path / "backup", path)
    restored = LedgerFile.open(path, site="st_elsewhere", clock=clock)
    reserve(restored, plan_digest=OTHER_PLAN)
    with pytest.raises(LedgerError, match="older copy"):
        restored.verify(witness)


def test_a_file_that_goes_back_while_it_is_open_is_noticed(ledger, path):
    reserve(ledger)
    tamper(path, "DELETE FROM entry WHERE sequence = 4")
    with pytest.raises(LedgerError, match="went back behind entry 4"):
        ledger.head()


def test_a_true_witness_passes(ledger):
    first = ledger.head()
    reserve(ledger)
    assert ledger.verify(first) == ledger.verify(ledger.head()) == ledger.verify(None) == 4
    assert ledger.verify(LedgerHead(sequence=0, hash="0" * 64)) == 4


@pytest.mark.parametrize("keep", [0, 100, 4096, 5000])
def test_a_truncated_file_is_refused(ledger, path, clock, keep):
    for number in range(1, 9):
        reserve(ledger, number, cohorts=["2019"])
    ledger.close()
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(LedgerError):
        LedgerFile.open(path, site="st_elsewhere", clock=clock)


def test_another_database_is_not_a_ledger(path, clock):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE entry(sequence INTEGER, body TEXT, hash TEXT)")
    connection.close()
    with pytest.raises(LedgerError, match="not a privacy ledger"):
        LedgerFile.open(path, site="st_elsewhere", clock=clock)


FULL_DISK = """
import resource, signal, sys, time
from pathlib import Path
from fedclinic.errors import LedgerError
from site_agent.ledger_file import LedgerFile
from tests.site_agent.test_ledger_file import reserve, IN_2024
ledger = LedgerFile.open(Path(sys.argv[1]), site="st_elsewhere", clock=lambda: IN_2024)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
done = 0
try:
    for number in range(1, 1000):
        hold = reserve(ledger, number)
        ledger.refund(hold, "the next one needs the budget")
        done = number
except LedgerError as error:
    print(done, "refunded;", error)
"""


def test_a_full_disk_is_an_error_and_loses_nothing_that_was_durable(ledger, path, clock):
    ledger.close()
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=True
    )
    assert "cannot be used" in child.stdout
    done = int(child.stdout.split()[0])
    assert done > 0
    again = LedgerFile.open(path, site="st_elsewhere", clock=clock)
    events = [event for _, event in again.history()]
    assert len([e for e in events if isinstance(e, Refunded)]) == done
    again.verify()


def test_processes_that_race_are_admitted_exactly_what_fits(path):
    expected = rounds_that_fit(2.0, Mechanism(noise_multiplier=4.0, sampling_rate=1.0, steps=1))
    assert race(path, processes=4, rounds_each=expected, epsilon=2.0) == expected > 1


def test_a_killed_round_is_never_lost_and_never_free(path):
    outcomes = kill_many(path, kills=24, seed=7)
    assert outcomes["LOST"] == 0
    assert sum(outcomes.values()) == 24


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


def test_begin_use_is_recorded_before_anything_is_read(ledger):
    hold = reserve(ledger)
    ledger.begin_use(hold)
    assert isinstance(ledger.history()[-1][1], UseBegun)


def test_the_tightest_budget_is_that_of_the_least_left_in_life_or_year(path, clock):
    ledger = LedgerFile.open(path, site="st_elsewhere", clock=clock)
    ledger.add_cohort("2019", epsilon=8.0, delta=1e-5, yearly_epsilon=2.0)
    ledger.add_cohort("2020", epsilon=4.0, delta=1e-5)
    reserve(ledger)
    tight = ledger.tightest_budget()
    assert tight is not None
    assert tight.cap_epsilon == 8.0
    assert tight.year_cap_epsilon == 2.0
    assert tight.left_epsilon == pytest.approx(2.0 - (tight.year_spent_epsilon or 0.0))
    clock.now = IN_2025
    tight = ledger.tightest_budget()
    assert tight is not None
    assert tight.left_epsilon == pytest.approx(2.0)
