"""What is charged to whom: holds, caps for life and for a year, refunds and repeats."""

import pytest

from fedclinic.errors import BudgetError, LedgerError
from fedclinic.privacy.budget import caps_of, demand_of, fits
from fedclinic.privacy.ledger_events import Committed, Refunded, Reserved, UseBegun
from site_agent.ledger_file import LedgerFile
from tests.site_agent.ledger_file.ledgers import IN_2025, OTHER_PLAN, ROUND, reserve, spent


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
