"""Check that the entries of a log tell one possible story: nothing skipped, dropped or invented."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from fedclinic.digest import canonical_json, digest_bytes
from fedclinic.errors import EvidenceError
from fedclinic.evidence import verify_audits, verify_budgets, verify_policies, verify_rounds
from fedclinic.evidence.events import (
    AuditCommitted,
    AuditJudged,
    BudgetCommitted,
    BudgetReserved,
    BudgetUseBegun,
    EvidencePurged,
    ModelRegistered,
    PlanApproved,
    PolicyChanged,
    RoundAggregated,
    RunRecorded,
    SelfTested,
    UpdateJudged,
)
from fedclinic.evidence.findings import Finding, failed, unverifiable
from fedclinic.evidence.plan_facts import TaskFacts, read_plan_facts
from fedclinic.evidence.story import RunStory, Story
from fedclinic.evidence.verify_log import Entry
from fedclinic.privacy.mechanism import PrivacyPromise
from fedclinic.rounds import AuditRevealed, RevealTask, SiteReport

Check = Callable[[Story, RunStory, Any, Entry], Iterator[Finding]]
"""Compares an event with the story before it, then makes it a part of the story."""


def verify_story(entries: Iterable[Entry]) -> tuple[Story, list[Finding]]:
    """Read a log's entries in order and check each against those before it."""
    story = Story()
    findings: list[Finding] = []
    for entry in entries:
        findings.extend(_check_entry(story, entry))
    for name, run in story.runs.items():
        findings.extend(verify_rounds.check_nothing_dropped(name, run))
    return story, findings


def _check_entry(story: Story, entry: Entry) -> Iterator[Finding]:
    event = entry.event
    check_alone = _CHECKS_WITHOUT_RUN.get(type(event))
    if check_alone is not None:
        yield from check_alone(story, event, entry.where)
        return
    check = _CHECKS.get(type(event))
    if check is None:
        return
    run = story.runs.get(str(getattr(event, "run", "")))
    if run is None:
        yield failed("run.unknown", entry.where, "no plan was approved for this run before")
        return
    yield from check(story, run, event, entry)


def _approve(story: Story, event: PlanApproved, where: str) -> Iterator[Finding]:
    if digest_bytes(canonical_json(event.plan)) != event.plan_digest:
        yield failed("plan.digest", where, "the plan is not the one of its digest")
    known = story.runs.get(event.run)
    if known is not None:
        if known.plan_digest != event.plan_digest:
            yield failed("plan.changed", where, "the run was approved with another plan before")
        return
    try:
        facts = read_plan_facts(event.plan)
    except EvidenceError as error:
        yield unverifiable("plan.version", where, str(error))
        facts = None
    story.runs[event.run] = RunStory(event.plan_digest, facts)


def _test(story: Story, event: SelfTested, _: str) -> Iterator[Finding]:
    story.self_tests[event.site] = event.verdict
    yield from ()


def _register(
    story: Story, run: RunStory, event: ModelRegistered, entry: Entry
) -> Iterator[Finding]:
    del story
    if event.state != run.state:
        yield failed("model.state", entry.where, "its state is not the one of the run's last round")
    if event.gate != "fail" and run.failed_audits:
        yield failed(
            "model.gate", entry.where, f"the gate passed although {run.failed_audits[0]} failed"
        )
    if run.plan is None:
        return
    promised = None
    if run.plan.protected and run.plan.privacy.target_epsilon and run.plan.privacy.delta:
        promised = PrivacyPromise(
            epsilon=run.plan.privacy.target_epsilon, delta=run.plan.privacy.delta
        )
    if event.promise != promised:
        yield failed("model.promise", entry.where, "what it promises is not what the plan does")


def _record(story: Story, run: RunStory, event: RunRecorded, entry: Entry) -> Iterator[Finding]:
    del run
    if not event.snapshots:
        yield failed("recorded.empty", entry.where, "nothing of MLflow was recorded")
    for run_id, digest in sorted(event.snapshots.items()):
        if story.recorded.get(run_id, digest) != digest:
            what = f"MLflow run {run_id} was recorded before with other rows: ask why"
            yield unverifiable("recorded.again", entry.where, what)
        if event.ended == "finished":
            story.recorded[run_id] = digest


_CHECKS_WITHOUT_RUN: Mapping[type[BaseModel], Callable[[Story, Any, str], Iterator[Finding]]] = {
    PlanApproved: _approve,
    SelfTested: _test,
    PolicyChanged: verify_policies.check_policy,
    EvidencePurged: verify_policies.check_purge,
}

_CHECKS: Mapping[type[BaseModel], Check] = {
    TaskFacts: verify_rounds.check_task,
    SiteReport: verify_rounds.check_site_report,
    UpdateJudged: verify_rounds.check_judgement,
    RoundAggregated: verify_rounds.check_aggregation,
    BudgetReserved: verify_budgets.check_reserved,
    BudgetUseBegun: verify_budgets.check_begun,
    BudgetCommitted: verify_budgets.check_committed,
    AuditCommitted: verify_audits.check_commitment,
    RevealTask: verify_audits.check_guesses,
    AuditRevealed: verify_audits.check_reveal,
    AuditJudged: verify_audits.check_audit,
    ModelRegistered: _register,
    RunRecorded: _record,
}
