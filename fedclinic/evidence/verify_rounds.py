"""Check tasks, reports, judgements and aggregations of a run against each other and the plan."""

import math
from collections.abc import Iterator

from fedclinic.evidence.events import RoundAggregated, UpdateJudged
from fedclinic.evidence.findings import Finding, failed
from fedclinic.evidence.plan_facts import PlanFacts, TaskFacts
from fedclinic.evidence.story import RunStory, Story, Turn
from fedclinic.evidence.verify_budgets import check_ledger, check_spending
from fedclinic.evidence.verify_log import Entry
from fedclinic.evidence.verify_policies import check_report_policies
from fedclinic.rounds import SiteReport

_MAY_BE_RETRIED = ("refused", "failed", "late")
"""A round that was stopped is asked again under the same attempt, so that nothing is paid twice."""


def turn_of(event: TaskFacts | SiteReport | UpdateJudged) -> Turn:
    return event.round_number, event.site, event.attempt


def check_task(story: Story, run: RunStory, task: TaskFacts, entry: Entry) -> Iterator[Finding]:
    """A task is of the approved plan and its nonce is new."""
    if task.plan_digest != run.plan_digest:
        yield failed("task.plan", entry.where, "it is of another plan than the approved one")
    if run.plan is not None:
        if task.site not in {site.name for site in run.plan.sites}:
            yield failed("task.site", entry.where, "the site is not in the plan")
        if task.round_number > run.plan.rounds:
            yield failed("task.round", entry.where, f"the plan has {run.plan.rounds} rounds")
    first = story.nonces.setdefault(task.nonce, entry.index)
    if first != entry.index:
        yield failed("task.nonce", entry.where, f"its nonce was used in log entry {first}")
    if turn_of(task) in run.tasks:
        yield failed("task.twice", entry.where, "the site had a task for this attempt before")
    run.tasks[turn_of(task)] = task


def check_site_report(
    story: Story, run: RunStory, report: SiteReport, entry: Entry
) -> Iterator[Finding]:
    """A report answers a task once, its ledger went forward, and it kept the budget."""
    turn = turn_of(report)
    task = run.tasks.get(turn)
    if task is None:
        yield failed("report.task", entry.where, "the site had no such task")
    elif (report.nonce, report.plan_digest) != (task.nonce, task.plan_digest):
        yield failed("report.task", entry.where, "it answers another task")
    known = run.reports.get(turn)
    if known is not None and known.status == "completed":
        yield failed("report.twice", entry.where, "the site reported this attempt before")
    if report.status == "completed" and report.update is None:
        yield failed("report.update", entry.where, "it completed without an update")
    if report.ledger is not None:
        yield from check_ledger(story, report.site, report.ledger, entry.where)
    yield from check_spending(run, report, entry.where)
    yield from check_report_policies(story, report, entry.where)
    run.reports[turn] = report


def check_judgement(
    story: Story, run: RunStory, event: UpdateJudged, entry: Entry
) -> Iterator[Finding]:
    """A verdict is about the update that the site reported, and there is one."""
    turn = turn_of(event)
    report = run.reports.get(turn)
    if event.verdict == "admitted":
        if report is None or report.update is None:
            yield failed("judged.report", entry.where, "the site reported no update to admit")
        elif report.update.blob != event.update:
            yield failed("judged.update", entry.where, "not the update that the site signed")
        elif run.plan and report.update.norm > run.plan.admission.max_update_norm:
            yield failed("judged.norm", entry.where, "its norm is above the plan's bound")
        if story.self_tests.get(event.site) == "fail":
            yield failed("judged.self_test", entry.where, "the site's last self-test failed")
    known = run.judged.get(turn)
    if known is not None and known.verdict not in _MAY_BE_RETRIED:
        yield failed("judged.twice", entry.where, "this attempt was judged before")
    if event.round_number <= run.round_number and event.verdict == "admitted":
        yield failed("judged.late", entry.where, "the round was already aggregated")
    run.judged[turn] = event


def check_aggregation(
    story: Story, run: RunStory, event: RoundAggregated, entry: Entry
) -> Iterator[Finding]:
    """A round follows the last one and uses exactly the admitted updates, weighted as planned."""
    del story
    if event.round_number != run.round_number + 1:
        yield failed("round.order", entry.where, f"it follows round {run.round_number}")
    if event.state_before != run.state:
        yield failed("round.state", entry.where, "it does not start from the last round's state")
    if event.plan_digest != run.plan_digest:
        yield failed("round.plan", entry.where, "it is of another plan than the approved one")
    admitted = {
        turn[1]
        for turn, judged in run.judged.items()
        if turn[0] == event.round_number and judged.verdict == "admitted"
    }
    for site in sorted(admitted ^ event.weights.keys()):
        what = "was admitted but left out" if site in admitted else "was used but not admitted"
        yield failed("round.sites", entry.where, f"site {site} {what}")
    if run.plan is not None:
        yield from _check_weights(run.plan, event, entry.where)
    run.round_number, run.state = event.round_number, event.state_after


def check_nothing_dropped(name: str, run: RunStory) -> Iterator[Finding]:
    """Every report of an aggregated round has its verdict."""
    for turn in sorted(run.reports.keys() - run.judged.keys()):
        if turn[0] <= run.round_number:
            where = f"run {name}, round {turn[0]}, site {turn[1]}"
            yield failed("judged.missing", where, "its report was dropped without a verdict")


def _check_weights(plan: PlanFacts, event: RoundAggregated, where: str) -> Iterator[Finding]:
    planned = {site.name: site.weight for site in plan.sites if site.name in event.weights}
    total = math.fsum(planned.values())
    for site, weight in sorted(event.weights.items()):
        share = planned.get(site, 0.0) / total if total else 0.0
        if not math.isclose(weight, share, rel_tol=1e-9):
            yield failed(
                "round.weights", where, f"site {site} weighs {weight:.6g}, planned {share:.6g}"
            )
    if len(event.weights) < plan.quorum:
        yield failed(
            "round.quorum", where, f"{len(event.weights)} sites, the plan's quorum is {plan.quorum}"
        )
