"""Check what sites signed of their budgets: reserved before used, never above plan or cap."""

from collections.abc import Iterator

from fedclinic.evidence.events import BudgetCommitted, BudgetReserved, BudgetUseBegun
from fedclinic.evidence.findings import Finding, failed
from fedclinic.evidence.story import RunStory, Story, Turn
from fedclinic.evidence.verify_log import Entry
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.rounds import LedgerHead, SiteReport

_ROUNDING = 1e-6
"""Relative; epsilons are computed on two machines, and their last bits may differ."""


def check_reserved(
    story: Story, run: RunStory, event: BudgetReserved, entry: Entry
) -> Iterator[Finding]:
    """A reservation is for the plan's mechanism and is made once."""
    turn = _turn(event)
    if turn in run.reserved:
        yield failed("budget.reserved", entry.where, "this attempt was reserved before")
    if run.plan is not None and run.plan.protected and event.mechanism != run.plan.mechanism():
        yield failed("budget.mechanism", entry.where, "its mechanism is not the plan's")
    yield from check_ledger(story, event.site, event.ledger, entry.where)
    run.reserved[turn] = event


def check_begun(
    story: Story, run: RunStory, event: BudgetUseBegun, entry: Entry
) -> Iterator[Finding]:
    """Notes were read only after a reservation."""
    turn = _turn(event)
    if turn not in run.reserved:
        yield failed("budget.begun", entry.where, "notes were read without a reservation")
    if turn in run.begun:
        yield failed("budget.begun", entry.where, "this attempt was begun before")
    yield from check_ledger(story, event.site, event.ledger, entry.where)
    run.begun.add(turn)


def check_committed(
    story: Story, run: RunStory, event: BudgetCommitted, entry: Entry
) -> Iterator[Finding]:
    """A charge follows its use and is at most what was reserved."""
    turn = _turn(event)
    if turn not in run.begun:
        yield failed("budget.committed", entry.where, "charged without a use")
    if turn in run.committed:
        yield failed("budget.committed", entry.where, "this attempt was charged before")
    reserved = run.reserved.get(turn)
    if reserved is not None and _spends_more(event.mechanism, reserved.mechanism):
        yield failed("budget.committed", entry.where, "charged more than was reserved")
    yield from check_ledger(story, event.site, event.ledger, entry.where)
    run.committed[turn] = event


def check_ledger(story: Story, site: str, head: LedgerHead, where: str) -> Iterator[Finding]:
    """A site's ledger only grows: an older head is a rollback, another of the same age a fork."""
    last = story.ledgers.get(site)
    if last is not None and head.sequence < last.sequence:
        yield failed(
            "ledger.rollback", where, f"ledger entry {head.sequence} after {last.sequence}"
        )
        return
    if last is not None and head.sequence == last.sequence and head.hash != last.hash:
        yield failed("ledger.fork", where, f"another ledger entry {head.sequence} than before")
    story.ledgers[site] = head


def check_spending(run: RunStory, report: SiteReport, where: str) -> Iterator[Finding]:
    """A report's epsilon keeps the promise and the cap, and never falls."""
    if report.budget is not None and report.budget.spent_epsilon > report.budget.cap_epsilon:
        spent, cap = report.budget.spent_epsilon, report.budget.cap_epsilon
        yield failed("spending.cap", where, f"epsilon {spent:.6g} spent, the cap is {cap:.6g}")
    if report.status != "completed" or run.plan is None:
        return
    if run.plan.protected != (report.privacy is not None):
        yield failed("spending.protection", where, "it was not trained as the plan protects")
    if report.privacy is None:
        return
    promised = run.plan.privacy.target_epsilon or 0.0
    spent, before = report.privacy.epsilon, run.epsilons.setdefault(report.site, [])
    if spent > promised * (1 + _ROUNDING):
        yield failed(
            "spending.promise", where, f"epsilon {spent:.6g} spent, {promised:.6g} was promised"
        )
    if report.privacy.delta != run.plan.privacy.delta:
        yield failed("spending.delta", where, "its delta is not the plan's")
    if before and spent < before[-1] * (1 - _ROUNDING):
        yield failed("spending.fell", where, f"epsilon fell from {before[-1]:.6g} to {spent:.6g}")
    if run.reserved and (report.round_number, report.site, report.attempt) not in run.committed:
        yield failed("budget.missing", where, "an update whose use of notes was never charged")
    before.append(spent)


def _spends_more(charged: Mechanism, reserved: Mechanism) -> bool:
    return (
        charged.steps > reserved.steps
        or charged.sampling_rate > reserved.sampling_rate
        or charged.noise_multiplier < reserved.noise_multiplier
    )


def _turn(event: BudgetReserved | BudgetUseBegun | BudgetCommitted) -> Turn:
    return event.round_number, event.site, event.attempt
