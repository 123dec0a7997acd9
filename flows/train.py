"""The training flow: prepare the sites, run the rounds, keep the evidence, register the model.

Runs on Prefect's in-process API, or on a server when PREFECT_API_URL is set. Its only parameters
are the names of a run and a workspace: everything else is read from the run's folder, so that an
interrupted run is started again with the same two words.
"""

import time
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_progress_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from fedclinic.errors import FedclinicError, RunError
from fedclinic.evidence.statement import Envelope, open_record
from fedclinic.methods import RoundDiagnostics, ServerState, decode_state, encode_state
from fedclinic.methods.configured import chosen_dropouts, with_rewards
from fedclinic.rounds import TASK_KIND, EvaluationReport, RoundTask
from flows.asking import ask_to_evaluate
from flows.closing import Ending, finish_run, keeps_own_models, record_end
from flows.configurator import rewards_of_round, stopwatch
from flows.coordinator_key import load_coordinator_key, public_text
from flows.federation_log import FederationLog
from flows.observing import current_observer
from flows.preparing import Run, deadline_of, inputs_of, prepare_run
from flows.round_table import budget_rows, round_rows
from flows.rounds import (
    admit,
    fold_in,
    make_task,
    publish_state,
    renew_task,
    work_of,
)
from flows.run_audits import audit_run
from flows.run_records import RunRecords
from flows.run_store import RoundRecord, RunStore, SiteOutcome
from flows.settings import Workspace
from flows.sites import EVALUATION_SITE, LateError
from flows.sites.opening import open_sites
from flows.tracking.tracker import Tracker

_SITE_THREADS: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=64)
"""Threads only wait for sites, which are processes of their own."""

ADMITTED = "admitted"
GLOBAL = "global"


@task(task_run_name="round {round_number}: {site}", cache_policy=NO_CACHE, persist_result=False)
def site_round(run: Run, site: str, round_number: int, signed: Envelope) -> SiteOutcome:
    """Give one site its task and judge what it returns. Never retried: it spends budget."""
    key = run.federation.key
    given = open_record(signed, {key.key_id: key.public}, TASK_KIND, RoundTask)
    seconds = stopwatch()
    try:
        run.attendance.check_in(site)
        answer = run.sites.submit(site, signed)
        run.attendance.check_in(site)
    except LateError as error:
        late = SiteOutcome(site=site, verdict="late", reason=str(error))
        return run.records.judge(given, late)
    except RunError as error:
        failed = SiteOutcome(site=site, verdict="failed", reason=str(error))
        return run.records.judge(given, failed)
    run.records.keep_answer(given, run.federation.site_keys[site], answer.statements)
    outcome = admit(run.federation, signed, answer)
    return run.records.judge(given, outcome.model_copy(update={"seconds": seconds()}))


@task(task_run_name="round {round_number}: aggregate", cache_policy=NO_CACHE, persist_result=False)
def aggregate(
    run: Run, round_number: int, state: ServerState, outcomes: tuple[SiteOutcome, ...]
) -> tuple[ServerState, RoundDiagnostics]:
    return fold_in(run.federation, state, outcomes)


@task(task_run_name="round {round_number}: evaluate", cache_policy=NO_CACHE, persist_result=False)
def evaluate_state(run: Run, round_number: int, state: ServerState) -> tuple[EvaluationReport, ...]:
    """Measure the global model, or each site's own where the method keeps one a site."""
    subjects = run.header.plan.site_names() if keeps_own_models(run.header) else (GLOBAL,)
    return tuple(_measure(run, round_number, state, subject, subject) for subject in subjects)


@flow(
    name="federated-training",
    flow_run_name="{run}",
    task_runner=_SITE_THREADS,
    persist_result=False,
    validate_parameters=False,
)
def federated_training(run: str, workspace: str) -> str:
    """Run, or go on with, a federation run; returns the registered model's address.

    Raises:
        RunError: if a site cannot be prepared, or a round has fewer admitted sites than quorum.
    """
    space = Workspace(Path(workspace))
    store = RunStore(space.runs / run)
    header = store.header()
    key = load_coordinator_key(space)
    tracker = Tracker(space, header.plan.federation)
    if header.tracking_run is None:
        header = header.model_copy(update={"tracking_run": tracker.start(header)})
    else:
        tracker.resume(header.tracking_run)
    log = FederationLog(space, header.plan.federation, key)
    records = RunRecords(store, log)
    records.approve(header)
    ending = Ending(space, store, header, log, tracker)
    try:
        with open_sites(
            header.plan, space, header.data, public_text(key), current_observer()
        ) as sites:
            context = prepare_run(space, records, sites, header, key)
            tracker.prepared(ending.parent, inputs_of(context))
            state = _run_rounds(context, tracker, ending.parent)
            _audit(context, tracker, state)
            return finish_run(ending, state, sites, tuple(context.federation.site_keys))
    except KeyboardInterrupt:
        tracker.fail(ending.parent, "stopped by a person", stopped=True)
        record_end(ending, "stopped")
        raise
    except FedclinicError as error:
        tracker.fail(ending.parent, str(error), stopped=False)
        record_end(ending, "failed")
        raise


def _run_rounds(run: Run, tracker: Tracker, parent: str) -> ServerState:
    """Go on from the last finished round to the last planned one."""
    state = run.federation.method.init(run.federation.schema)
    done = run.store.rounds()
    if done:
        blob = run.blobs.find(done[-1].checkpoint).read_bytes()
        state = decode_state(blob, like=state)
    else:
        _keep(run, tracker, parent, _round_zero(run, state))
    for round_number in range(state.round_number + 1, run.header.plan.rounds + 1):
        state, record = _one_round(run, round_number, state)
        _keep(run, tracker, parent, record)
    return state


def _round_zero(run: Run, state: ServerState) -> RoundRecord:
    """Record the base model itself, so that a run always has a checkpoint to go on from."""
    checkpoint, _ = run.blobs.put([encode_state(state)])
    return RoundRecord(
        round_number=0,
        checkpoint=checkpoint,
        state_bytes=0,
        seconds=0.0,
        outcomes=(),
        diagnostics=None,
        evaluations=(),
    )


def _one_round(run: Run, round_number: int, state: ServerState) -> tuple[ServerState, RoundRecord]:
    began = time.monotonic()
    plan = run.header.plan
    state_bytes = 0
    dropouts = chosen_dropouts(plan.method, plan.site_names(), state, round_number)
    futures = []
    for site in plan.site_names():
        blob, size = publish_state(run.federation, state, site)
        state_bytes = max(state_bytes, size)
        deadline = deadline_of(run.header)
        begun = run.store.task(round_number, site)
        signed = (
            renew_task(run.federation, begun, deadline)
            if begun is not None
            else make_task(run.federation, site, round_number, blob, deadline, dropouts.get(site))
        )
        run.records.keep_task(round_number, site, signed)
        futures.append(site_round.submit(run, site, round_number, signed))
    outcomes = tuple(future.result() for future in futures)
    _check_quorum(run, round_number, outcomes)
    after, diagnostics = aggregate(run, round_number, state, outcomes)
    rewards = rewards_of_round(
        run.federation,
        state,
        outcomes,
        lambda measured, name: _measure(run, round_number, measured, GLOBAL, name),
    )
    after = with_rewards(plan.method, state, after, rewards)
    due = round_number % plan.evaluation.every_rounds == 0 or round_number == plan.rounds
    evaluations = evaluate_state(run, round_number, after) if due else ()
    checkpoint, _ = run.blobs.put([encode_state(after)])
    record = RoundRecord(
        round_number=round_number,
        checkpoint=checkpoint,
        state_bytes=state_bytes,
        seconds=time.monotonic() - began,
        outcomes=outcomes,
        diagnostics=diagnostics,
        rewards=rewards,
        evaluations=evaluations,
    )
    return after, record


def _check_quorum(run: Run, round_number: int, outcomes: tuple[SiteOutcome, ...]) -> None:
    plan = run.header.plan
    admitted = sum(outcome.verdict == ADMITTED for outcome in outcomes)
    if admitted >= plan.quorum:
        return
    others = [f"{o.site} {o.verdict}: {o.reason}" for o in outcomes if o.verdict != ADMITTED]
    raise RunError(
        f"round {round_number}: {admitted} of {len(outcomes)} sites were admitted, and quorum is "
        f"{plan.quorum} ({'; '.join(others)})"
    )


def _measure(
    run: Run, round_number: int, state: ServerState, site: str, subject: str
) -> EvaluationReport:
    """Measure what a site would start from, or anybody where there is one global model."""
    blob, _ = publish_state(run.federation, state, site)
    return ask_to_evaluate(
        run.sites,
        run=run.header.run,
        round_number=round_number,
        subject=subject,
        plan_digest=run.header.plan.digest(),
        work=work_of(run.header.plan, EVALUATION_SITE),
        state=blob,
        groups=run.header.plan.evaluation.groups,
        key=run.federation.key,
        deadline=deadline_of(run.header),
    )


def _keep(run: Run, tracker: Tracker, parent: str, record: RoundRecord) -> None:
    """Checkpoint first, then show: what is shown can always be gone on from."""
    run.records.keep_round(record, run.header.plan, run.header.run)
    tracker.round_finished(parent, run.header.plan, record)
    if record.round_number:
        _show_in_prefect(run, record)
    current_observer().round_finished(run.header, record)


def _audit(run: Run, tracker: Tracker, state: ServerState) -> None:
    """Audit trainers and model while the sites can still be asked; once for a run."""
    plan = run.header.plan
    if run.store.audits() or (keeps_own_models(run.header) and not plan.is_protected()):
        return
    blob, _ = publish_state(run.federation, state, plan.site_names()[0])
    deadline = deadline_of(run.header)
    audits = audit_run(run.federation, run.records, run.sites, blob, deadline=deadline)
    tracker.audited(str(run.header.tracking_run), audits)


def _show_in_prefect(run: Run, record: RoundRecord) -> None:
    name = run.header.plan.federation.replace("_", "-")
    create_progress_artifact(
        key=f"{name}-progress",
        progress=100 * record.round_number / run.header.plan.rounds,
        description=f"Rounds of run {run.header.run}.",
    )
    create_table_artifact(
        key=f"{name}-rounds",
        table=round_rows(run.store.rounds()),
        description=f"Rounds of run {run.header.run}: quality, privacy spent, bytes, budget.",
    )
    create_table_artifact(
        key=f"{name}-budgets",
        table=budget_rows(record),
        description=f"Budgets of the sites after round {record.round_number}, tightest cohort.",
    )
