"""The training flow: prepare the sites, run the rounds, keep the evidence, register the model.

Runs on Prefect's in-process API, or on a server when PREFECT_API_URL is set. Its only parameters
are the names of a run and a workspace: everything else is read from the run's folder, so that an
interrupted run is started again with the same two words.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from prefect import flow, task
from prefect.artifacts import create_progress_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import wait
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from fedclinic.errors import FedclinicError, RunError
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.report import render_report
from fedclinic.evidence.statement import Envelope
from fedclinic.local_protocol import Counted, Progress
from fedclinic.methods import RoundDiagnostics, ServerState, decode_state, encode_state, make_method
from fedclinic.rounds import EvaluationReport, SitePrepared
from fedclinic.updates.blobs import BlobFolder
from flows.asking import ask_to_evaluate, ask_to_prepare
from flows.attendance import Attendance, check_attendance
from flows.coordinator_key import load_coordinator_key, public_text
from flows.registered_model import write_model_folder
from flows.revealing import failures
from flows.round_table import budget_rows, round_rows
from flows.rounds import (
    Federation,
    admit,
    check_update_bound,
    fold_in,
    make_task,
    publish_state,
    renew_task,
    work_of,
)
from flows.run_audits import audit_run
from flows.run_evidence import gather_evidence
from flows.run_store import RoundRecord, RunHeader, RunStore, SiteOutcome, write_whole
from flows.settings import Workspace
from flows.sites import EVALUATION_SITE, LateError, Sites, Watcher
from flows.sites.opening import open_sites
from flows.tracking import Tracker

_SITE_THREADS: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=64)
"""Threads only wait for sites, which are processes of their own."""

ADMITTED = "admitted"
GLOBAL = "global"


class Observer(Watcher, Protocol):
    """Follows a run: progress of each site, and every finished round."""

    def prepared(self, header: RunHeader, sites: dict[str, SitePrepared]) -> None: ...

    def round_finished(self, header: RunHeader, record: RoundRecord) -> None: ...


class _Nobody:
    def progress(self, site: str, progress: Progress) -> None: ...

    def counted(self, site: str, counted: Counted) -> None: ...

    def prepared(self, header: RunHeader, sites: dict[str, SitePrepared]) -> None: ...

    def round_finished(self, header: RunHeader, record: RoundRecord) -> None: ...


_observer: ContextVar[Observer] = ContextVar("observer", default=_Nobody())  # noqa: B039


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Let `observer` follow the runs that are started in this block."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


@dataclass(frozen=True)
class _Run:
    """What the flow's tasks share; lives in the flow's process only."""

    store: RunStore
    header: RunHeader
    federation: Federation
    sites: Sites
    attendance: Attendance
    blobs: BlobFolder


@task(task_run_name="prepare {site}", cache_policy=NO_CACHE, persist_result=False)
def prepare_site(
    sites: Sites, site: str, header: RunHeader, store: RunStore, key: SigningKey
) -> SitePrepared:
    return _prepare_site(sites, site, header, store, key)


def _prepare_site(
    sites: Sites, site: str, header: RunHeader, store: RunStore, key: SigningKey
) -> SitePrepared:
    deadline = _deadline(header)
    prepared, answer = ask_to_prepare(sites, site, header.plan, header.run, key, deadline=deadline)
    store.keep_said(site, answer.events)
    return prepared


@task(task_run_name="round {round_number}: {site}", cache_policy=NO_CACHE, persist_result=False)
def site_round(run: _Run, site: str, round_number: int, signed: Envelope) -> SiteOutcome:
    """Give one site its task and admit what it returns. Never retried: it spends budget."""
    try:
        run.attendance.check_in(site)
        answer = run.sites.submit(site, signed)
    except LateError as error:
        return SiteOutcome(site=site, verdict="late", reason=str(error))
    except RunError as error:
        return SiteOutcome(site=site, verdict="failed", reason=str(error))
    run.store.keep_answer(round_number, site, answer.statements)
    return admit(run.federation, signed, answer)


@task(task_run_name="round {round_number}: aggregate", cache_policy=NO_CACHE, persist_result=False)
def aggregate(
    run: _Run, round_number: int, state: ServerState, outcomes: tuple[SiteOutcome, ...]
) -> tuple[ServerState, RoundDiagnostics]:
    return fold_in(run.federation, state, outcomes)


@task(task_run_name="round {round_number}: evaluate", cache_policy=NO_CACHE, persist_result=False)
def evaluate_state(
    run: _Run, round_number: int, state: ServerState
) -> tuple[EvaluationReport, ...]:
    """Measure the global model, or each site's own where the method keeps one a site."""
    subjects = run.header.plan.site_names() if _keeps_own_models(run) else (GLOBAL,)
    return tuple(_measure(run, round_number, state, subject) for subject in subjects)


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
    tracker = Tracker(space, header.plan.federation)
    if header.tracking_run is None:
        header = header.model_copy(update={"tracking_run": tracker.start(header)})
        store.write_header(header)
    else:
        tracker.resume(header.tracking_run)
    parent = str(header.tracking_run)
    key = load_coordinator_key(space)
    try:
        with open_sites(
            header.plan, space, header.data, public_text(key), _observer.get()
        ) as sites:
            ready = _prepare(sites, header, store, key)
            check_update_bound(header.plan, next(iter(ready.values())).shapes)
            whole = max(prepared.model_parameters for prepared in ready.values())
            header = header.model_copy(update={"model_parameters": whole})
            store.write_header(header)
            attendance = Attendance(
                sites,
                ready,
                partial(_prepare_site, sites, header=header, store=store, key=key),
            )
            context = _Run(
                store=store,
                header=header,
                federation=_federation(space, header, ready, attendance),
                sites=sites,
                attendance=attendance,
                blobs=BlobFolder(space.blobs),
            )
            state = _run_rounds(context, tracker, parent)
            _audit(context, tracker, state)
    except KeyboardInterrupt:
        tracker.fail(parent, "stopped by a person", stopped=True)
        raise
    except FedclinicError as error:
        tracker.fail(parent, str(error), stopped=False)
        raise
    return _finish(space, context, tracker, state)


def _prepare(
    sites: Sites, header: RunHeader, store: RunStore, key: SigningKey
) -> dict[str, SitePrepared]:
    names = (*header.plan.site_names(), EVALUATION_SITE)
    futures = [prepare_site.submit(sites, site, header, store, key) for site in names]
    wait(futures)
    asked = dict(zip(names, futures, strict=True))
    missing = {
        site: str(future.result(raise_on_failure=False))
        for site, future in asked.items()
        if future.state.is_failed()
    }
    check_attendance(header.plan, missing)
    ready = {site: future.result() for site, future in asked.items() if site not in missing}
    _observer.get().prepared(header, ready)
    return ready


def _federation(
    workspace: Workspace,
    header: RunHeader,
    ready: dict[str, SitePrepared],
    attendance: Attendance,
) -> Federation:
    plan = header.plan
    return Federation(
        run=header.run,
        plan=plan,
        method=make_method(plan.method, plan.site_names()),
        schema=next(iter(ready.values())).shapes,
        key=load_coordinator_key(workspace),
        site_keys=attendance.keys,
        blobs=BlobFolder(workspace.blobs),
    )


def _run_rounds(run: _Run, tracker: Tracker, parent: str) -> ServerState:
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


def _round_zero(run: _Run, state: ServerState) -> RoundRecord:
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


def _one_round(run: _Run, round_number: int, state: ServerState) -> tuple[ServerState, RoundRecord]:
    began = time.monotonic()
    plan = run.header.plan
    state_bytes = 0
    futures = []
    for site in plan.site_names():
        blob, size = publish_state(run.federation, state, site)
        state_bytes = max(state_bytes, size)
        deadline = _deadline(run.header)
        begun = run.store.task(round_number, site)
        signed = (
            renew_task(run.federation, begun, deadline)
            if begun is not None
            else make_task(run.federation, site, round_number, blob, deadline)
        )
        run.store.keep_task(round_number, site, signed)
        futures.append(site_round.submit(run, site, round_number, signed))
    outcomes = tuple(future.result() for future in futures)
    _check_quorum(run, round_number, outcomes)
    after, diagnostics = aggregate(run, round_number, state, outcomes)
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
        evaluations=evaluations,
    )
    return after, record


def _check_quorum(run: _Run, round_number: int, outcomes: tuple[SiteOutcome, ...]) -> None:
    plan = run.header.plan
    admitted = sum(outcome.verdict == ADMITTED for outcome in outcomes)
    if admitted >= plan.quorum:
        return
    others = [f"{o.site} {o.verdict}: {o.reason}" for o in outcomes if o.verdict != ADMITTED]
    raise RunError(
        f"round {round_number}: {admitted} of {len(outcomes)} sites were admitted, and quorum is "
        f"{plan.quorum} ({'; '.join(others)})"
    )


def _measure(run: _Run, round_number: int, state: ServerState, subject: str) -> EvaluationReport:
    blob, _ = publish_state(run.federation, state, subject)
    return ask_to_evaluate(
        run.sites,
        run=run.header.run,
        round_number=round_number,
        subject=subject,
        plan_digest=run.header.plan.digest(),
        work=work_of(run.header.plan),
        state=blob,
        key=run.federation.key,
        deadline=_deadline(run.header),
    )


def _deadline(header: RunHeader) -> float:
    return time.time() + 60 * header.plan.deadline_minutes


def _keep(run: _Run, tracker: Tracker, parent: str, record: RoundRecord) -> None:
    """Checkpoint first, then show: what is shown can always be gone on from."""
    run.store.write_round(record)
    tracker.round_finished(parent, run.header.plan, record)
    if record.round_number:
        _show_in_prefect(run, record)
    _observer.get().round_finished(run.header, record)


def _keeps_own_models(run: _Run) -> bool:
    """Whether there is a model a site and no global one."""
    return run.header.plan.method.name == "local_only"


def _show_in_prefect(run: _Run, record: RoundRecord) -> None:
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


def _audit(run: _Run, tracker: Tracker, state: ServerState) -> None:
    """Audit trainers and model while the sites can still be asked."""
    plan = run.header.plan
    if _keeps_own_models(run) and not plan.is_protected():
        return
    blob, _ = publish_state(run.federation, state, plan.site_names()[0])
    deadline = _deadline(run.header)
    audits = audit_run(run.federation, run.store, run.sites, blob, deadline=deadline)
    tracker.audited(str(run.header.tracking_run), audits)


def _finish(workspace: Workspace, run: _Run, tracker: Tracker, state: ServerState) -> str:
    """Register the global model, if the method has one, and attach report and records."""
    parent = str(run.header.tracking_run)
    records = sorted(run.store.root.glob("*.json"))
    refused = failures(run.store.audits())
    if _keeps_own_models(run):
        tracker.finish(parent, records, {})
        return ""
    if refused:
        report = render_report(gather_evidence(workspace, run.header.run, "finished"))
        write_whole(run.store.report, report.encode())
        tracker.finish(parent, records, {"report.html": report})
        return ""
    folder = write_model_folder(workspace, run.header, state)
    address = tracker.register(parent, run.header.plan.federation, folder)
    report = render_report(gather_evidence(workspace, run.header.run, "finished"))
    write_whole(run.store.report, report.encode())
    card = (folder / "README.md").read_text(encoding="utf-8")
    tracker.finish(parent, records, {"model_card.md": card, "report.html": report})
    return address
