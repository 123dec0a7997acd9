"""A site's privacy budget: what may be reserved, used, charged and refunded.

Every function reads a `LedgerState` and answers with the events to write, or refuses. Pure: time
comes in, and whoever keeps the entries (`site_agent.ledger_file`) writes what is decided.
A patient seen at k hospitals loses the sum of what the k ledgers spend.
"""

import hashlib
from dataclasses import dataclass

from fedclinic.errors import LedgerError
from fedclinic.privacy.budget import caps_of, demand_of, spent_epsilon, within
from fedclinic.privacy.ledger_events import (
    CohortAdded,
    Committed,
    Event,
    Refunded,
    Reserved,
    UseBegun,
)
from fedclinic.privacy.ledger_state import Hold, LedgerState, check_fits, check_state, year_of
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.records import Record
from fedclinic.rounds import BudgetLeft

CLOCK_SLACK_SECONDS = 1.0
"""What a clock may step back between two entries, as time servers make it do, without refusal."""


class CohortBudget(Record):
    """What one cohort has spent, what is held for it included."""

    cohort: str
    spent_epsilon: float
    cap_epsilon: float
    delta: float
    year: int
    year_spent_epsilon: float
    year_cap_epsilon: float | None


@dataclass(frozen=True)
class Request:
    """A round that asks for budget."""

    run: str
    round_number: int
    attempt: int
    cohorts: tuple[str, ...]
    mechanism: Mechanism
    plan_digest: str
    approved_by: str | None = None


def add_cohort(
    state: LedgerState,
    *,
    cohort: str,
    epsilon: float,
    delta: float,
    yearly_epsilon: float | None,
    at: float,
) -> list[Event]:
    """Give a cohort its budget; nothing to do if it has exactly this one.

    Raises:
        LedgerError: if it has another budget, or the numbers allow nothing.
    """
    if not any(caps_of(epsilon, delta)):
        raise LedgerError(f"a budget of epsilon {epsilon} at delta {delta} allows no round at all")
    event = CohortAdded(
        at=at, cohort=cohort, epsilon=epsilon, delta=delta, yearly_epsilon=yearly_epsilon
    )
    known = state.cohorts.get(cohort)
    if known is None:
        return [event]
    if known.model_copy(update={"at": at}) != event:
        raise LedgerError(
            f"cohort {cohort} has epsilon {known.epsilon} at delta {known.delta} in the ledger: "
            "a budget is never changed after it was given"
        )
    return []


def reserve(state: LedgerState, request: Request, *, at: float) -> list[Event]:
    """Set a round's demand aside in all its cohorts, or in none.

    The same run, round and attempt asked again is the same hold, unless it was refunded.

    Raises:
        BudgetError: if a cohort's budget would be passed.
        LedgerError: if the attempt was charged already, or asks for something else this time.
    """
    known = state.latest(request.run, request.round_number, request.attempt)
    if known is not None and known.state != "refunded":
        _check_same(known, request)
        return []
    demand = demand_of(request.mechanism)
    check_fits(state, request.cohorts, demand, year_of(at))
    return [
        Reserved(
            at=at,
            hold=_hold_id(state, request),
            run=request.run,
            round_number=request.round_number,
            attempt=request.attempt,
            cohorts=tuple(sorted(request.cohorts)),
            mechanism=request.mechanism,
            demand=demand,
            plan_digest=request.plan_digest,
            approved_by=request.approved_by,
        )
    ]


def begin_use(state: LedgerState, hold: str, *, at: float) -> list[Event]:
    """Mark that notes are about to be read; must be durable before they are."""
    check_state(state.hold(hold), "reserved")
    return [UseBegun(at=at, hold=hold)]


def commit(
    state: LedgerState, hold: str, *, spent: Mechanism | None, reason: str | None, at: float
) -> list[Event]:
    """Charge a used hold: what was reserved, or less if fewer steps were made.

    Raises:
        LedgerError: if the hold is not in use, or `spent` is more than was reserved.
    """
    known = state.hold(hold)
    check_state(known, "using")
    mechanism = known.mechanism if spent is None else spent
    charged = known.reserved.demand if spent is None else demand_of(spent)
    if not within(charged, known.reserved.demand):
        raise LedgerError(f"hold {hold} would be charged more than was reserved")
    return [Committed(at=at, hold=hold, mechanism=mechanism, charged=charged, reason=reason)]


def refund(state: LedgerState, hold: str, *, reason: str, at: float) -> list[Event]:
    """Give a hold back, which is possible only as long as no note was read."""
    check_state(state.hold(hold), "reserved")
    return [Refunded(at=at, hold=hold, reason=reason)]


def recover(state: LedgerState, run: str, *, at: float) -> list[Event]:
    """After a crash, refund the run's untouched holds and charge the used ones in full."""
    events: list[Event] = []
    for hold in state.of_run(run):
        if hold.state == "reserved":
            events += refund(state, hold.id, reason="stopped before any note was read", at=at)
        elif hold.state == "using":
            events += commit(
                state, hold.id, spent=None, reason="stopped after notes were read", at=at
            )
    return events


def budgets(state: LedgerState, *, at: float) -> list[CohortBudget]:
    """Every cohort's budget for life and in the year of `at`."""
    year = year_of(at)
    return [
        CohortBudget(
            cohort=name,
            spent_epsilon=spent_epsilon(state.used(name), cohort.delta),
            cap_epsilon=cohort.epsilon,
            delta=cohort.delta,
            year=year,
            year_spent_epsilon=spent_epsilon(state.used(name, year), cohort.delta),
            year_cap_epsilon=cohort.yearly_epsilon,
        )
        for name, cohort in sorted(state.cohorts.items())
    ]


def tightest(found: list[CohortBudget]) -> BudgetLeft | None:
    """The budget with the least epsilon left, for life or this year; None if there is none."""
    return min(map(_left, found), key=lambda budget: budget.left_epsilon, default=None)


def _left(budget: CohortBudget) -> BudgetLeft:
    yearly = budget.year_cap_epsilon is not None
    return BudgetLeft(
        spent_epsilon=budget.spent_epsilon,
        cap_epsilon=budget.cap_epsilon,
        delta=budget.delta,
        year_spent_epsilon=budget.year_spent_epsilon if yearly else None,
        year_cap_epsilon=budget.year_cap_epsilon,
    )


def spent_mechanisms(state: LedgerState, run: str) -> list[Mechanism]:
    """The mechanisms of a run that were used, whether or not they ended."""
    return [hold.mechanism for hold in state.of_run(run) if hold.state in ("using", "committed")]


def check_clock(state: LedgerState, now: float) -> None:
    """Refuse to write with a clock behind the last entry: years would be charged wrongly.

    Raises:
        LedgerError: if the clock went back by more than a second.
    """
    if now < state.last_at - CLOCK_SLACK_SECONDS:
        raise LedgerError(
            f"the clock is {state.last_at - now:.0f} s behind the ledger's last entry: set it right"
        )


def _check_same(known: Hold, request: Request) -> None:
    before = known.reserved
    if known.state == "committed":
        raise LedgerError(
            f"attempt {request.attempt} of round {request.round_number} was charged already: "
            "another attempt is another charge"
        )
    same = (
        before.mechanism == request.mechanism
        and before.plan_digest == request.plan_digest
        and before.cohorts == tuple(sorted(request.cohorts))
    )
    if not same:
        raise LedgerError(
            f"attempt {request.attempt} of round {request.round_number} is reserved for another "
            "plan, mechanism or set of cohorts"
        )


def _hold_id(state: LedgerState, request: Request) -> str:
    key = f"{state.site}\n{request.run}\n{request.round_number}\n{request.attempt}"
    return hashlib.sha256(f"{key}\n{state.head.sequence}".encode()).hexdigest()[:24]
