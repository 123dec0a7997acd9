"""The state of a budget ledger: the fold of its entries, each checked as it is taken in.

A block is one cohort, the patients first seen at this site in one year: each patient is in exactly
one. Blocks by note date would let one patient be charged to several and break the patient unit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, assert_never

from fedclinic.errors import BudgetError, LedgerError
from fedclinic.privacy.budget import (
    NOTHING,
    Amounts,
    caps_of,
    fits,
    minus,
    plus,
    spent_epsilon,
    within,
)
from fedclinic.privacy.ledger_events import (
    FIRST_HASH,
    CohortAdded,
    Committed,
    Event,
    Opened,
    Refunded,
    Reserved,
    UseBegun,
    decode_event,
    entry_hash,
)
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.rounds import LedgerHead

HoldState = Literal["reserved", "using", "committed", "refunded"]


@dataclass(frozen=True)
class Hold:
    """One round's reservation and what became of it."""

    reserved: Reserved
    state: HoldState
    mechanism: Mechanism
    charged: Amounts
    """What counts against the budget now."""

    @property
    def id(self) -> str:
        return self.reserved.hold

    @property
    def year(self) -> int:
        return year_of(self.reserved.at)


class LedgerState:
    """Everything that the entries so far say."""

    def __init__(self) -> None:
        self.site: str | None = None
        self.head = LedgerHead(sequence=0, hash=FIRST_HASH)
        self.last_at = 0.0
        self.cohorts: dict[str, CohortAdded] = {}
        self.holds: dict[str, Hold] = {}
        self._latest: dict[tuple[str, int, int], str] = {}
        self._used: dict[tuple[str, int | None], Amounts] = {}

    def used(self, cohort: str, year: int | None = None) -> Amounts:
        """Amounts charged or held for a cohort, for life or in one calendar year (UTC)."""
        return self._used.get((cohort, year), NOTHING)

    def hold(self, hold: str) -> Hold:
        try:
            return self.holds[hold]
        except KeyError:
            raise LedgerError(f"the ledger has no hold {hold}") from None

    def latest(self, run: str, round_number: int, attempt: int) -> Hold | None:
        found = self._latest.get((run, round_number, attempt))
        return None if found is None else self.holds[found]

    def of_run(self, run: str) -> list[Hold]:
        return [hold for hold in self.holds.values() if hold.reserved.run == run]

    def append(self, sequence: int, body: str, written_hash: str) -> Event:
        """Take in the next entry, checked against the chain and against every rule.

        Raises:
            LedgerError: if the entry was altered, is out of place or breaks a rule.
        """
        if sequence != self.head.sequence + 1:
            raise LedgerError(f"entry {self.head.sequence + 1} is missing from the ledger")
        if entry_hash(sequence, self.head.hash, body) != written_hash:
            raise LedgerError(f"entry {sequence} of the ledger was altered")
        try:
            event = decode_event(body)
            self._apply(event)
        except (ValueError, BudgetError, LedgerError) as error:
            raise LedgerError(f"entry {sequence} of the ledger breaks its rules") from error
        self.head = LedgerHead(sequence=sequence, hash=written_hash)
        self.last_at = max(self.last_at, event.at)
        return event

    def _apply(self, event: Event) -> None:
        if (self.site is None) != isinstance(event, Opened):
            raise LedgerError("a ledger is opened once, first")
        match event:
            case Opened():
                self.site = event.site
            case CohortAdded():
                if event.cohort in self.cohorts:
                    raise LedgerError(f"cohort {event.cohort} is added twice")
                self.cohorts[event.cohort] = event
            case Reserved():
                self._reserve(event)
            case UseBegun():
                self._move(event.hold, "reserved", "using")
            case Committed():
                self._charge(event)
            case Refunded():
                self._recharge(self._move(event.hold, "reserved", "refunded"), NOTHING)
            case _:
                assert_never(event)

    def _reserve(self, event: Reserved) -> None:
        if event.hold in self.holds or len(set(event.cohorts)) != len(event.cohorts):
            raise LedgerError(f"hold {event.hold} is reserved twice")
        hold = Hold(event, "reserved", event.mechanism, NOTHING)
        check_fits(self, event.cohorts, event.demand, hold.year)
        self._latest[event.run, event.round_number, event.attempt] = event.hold
        self._recharge(hold, event.demand)

    def _charge(self, event: Committed) -> None:
        hold = self._move(event.hold, "using", "committed")
        if not within(event.charged, hold.reserved.demand):
            raise LedgerError(f"hold {event.hold} is charged more than was reserved")
        self._recharge(replace(hold, mechanism=event.mechanism), event.charged)

    def _move(self, hold: str, before: HoldState, after: HoldState) -> Hold:
        check_state(self.hold(hold), before)
        self.holds[hold] = replace(self.holds[hold], state=after)
        return self.holds[hold]

    def _recharge(self, hold: Hold, amount: Amounts) -> None:
        change = minus(amount, hold.charged)
        self.holds[hold.id] = replace(hold, charged=amount)
        for cohort in hold.reserved.cohorts:
            for year in (None, hold.year):
                self._used[cohort, year] = plus(self.used(cohort, year), change)


def replay(entries: Iterable[tuple[int, str, str]]) -> LedgerState:
    """Fold (sequence, body, hash) entries from the first on.

    Raises:
        LedgerError: at the first entry that does not belong.
    """
    state = LedgerState()
    for sequence, body, written_hash in entries:
        state.append(sequence, body, written_hash)
    return state


def check_fits(state: LedgerState, cohorts: Sequence[str], demand: Amounts, year: int) -> None:
    """Refuse a demand that some cohort's budget, for life or for the year, does not cover.

    Raises:
        BudgetError: naming the cohort, what is spent and the cap.
        LedgerError: if a cohort has no budget.
    """
    for name in cohorts:
        cohort = state.cohorts.get(name)
        if cohort is None:
            raise LedgerError(f"cohort {name} has no budget in the ledger")
        for cap, within_year in ((cohort.epsilon, None), (cohort.yearly_epsilon, year)):
            if cap is None:
                continue
            used = state.used(name, within_year)
            after = plus(used, demand)
            if not fits(after, caps_of(cap, cohort.delta)):
                span = "for life" if within_year is None else f"in {year}"
                raise BudgetError(
                    f"cohort {name} has spent epsilon {spent_epsilon(used, cohort.delta):.3f} of "
                    f"{cap:g} {span} (delta {cohort.delta:g}); this round would make it "
                    f"{spent_epsilon(after, cohort.delta):.3f}"
                )


def check_state(hold: Hold, expected: HoldState) -> None:
    if hold.state != expected:
        raise LedgerError(f"hold {hold.id} is {hold.state}, not {expected}")


def year_of(at: float) -> int:
    return datetime.fromtimestamp(at, UTC).year
