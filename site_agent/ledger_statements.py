"""What a site states of its budget ledger in a round: its entries, as evidence records.

They are made from the entries themselves, so a crash between an entry and its statement changes
neither. Times are told to the minute: how long training took depends on who was drawn.
"""

from fedclinic.evidence.events import BudgetCommitted, BudgetReserved, BudgetUseBegun
from fedclinic.privacy.ledger_events import Committed, Event, Reserved, UseBegun
from fedclinic.rounds import LedgerHead, RoundTask
from site_agent.ledger_file import LedgerFile

MINUTE = 60.0

BudgetRecord = BudgetReserved | BudgetUseBegun | BudgetCommitted


def budget_statements(ledger: LedgerFile, task: RoundTask) -> list[BudgetRecord]:
    """The records of a round's hold so far, in order; none without protection."""
    hold = ledger.find(task.run, task.round_number, task.attempt)
    if hold is None:
        return []
    records = (_record(task, head, event) for head, event in ledger.entries_of(hold))
    return [record for record in records if record is not None]


def to_the_minute(at: float) -> float:
    return at // MINUTE * MINUTE


def _record(task: RoundTask, head: LedgerHead, event: Event) -> BudgetRecord | None:
    turn = {
        "at": to_the_minute(event.at),
        "site": task.site,
        "run": task.run,
        "round_number": task.round_number,
        "attempt": task.attempt,
        "ledger": head,
    }
    match event:
        case Reserved():
            told = {"cohorts": event.cohorts, "mechanism": event.mechanism}
            return BudgetReserved.model_validate(turn | told)
        case UseBegun():
            return BudgetUseBegun.model_validate(turn)
        case Committed():
            return BudgetCommitted.model_validate(turn | {"mechanism": event.mechanism})
    return None
