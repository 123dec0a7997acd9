"""One round at one hospital, from the signed task to the signed report, top to bottom.

The order is the guarantee: signature, policy and budget are checked before a note is read, the
budget is durably in use before the notes are, and update, charge and report are durable before
they leave, so that a repeated task gets the same statements and never a second draw from the same
budget.
"""

from typing import Literal

from fedclinic.answers import Answer
from fedclinic.errors import (
    BudgetError,
    DeidentificationError,
    ErrorCode,
    FedclinicError,
    LedgerError,
    PolicyError,
    SignatureError,
)
from fedclinic.evidence.statement import Envelope, open_record, signed_by
from fedclinic.learning.finetune import LocalRound, train_privately, train_unprotected
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.accounting import epsilon
from fedclinic.privacy.mechanism import PrivacySpent
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.records import Record
from fedclinic.rounds import TASK_KIND, AuditedRound, RoundTask, SiteReport, UpdateManifest
from fedclinic.updates.admission import check_update
from fedclinic.updates.codec import Tensors, UpdateFile, encode_chunks
from fedclinic.updates.layout import count_parameters
from site_agent.egress import release, summarise, with_present_key
from site_agent.ledger_statements import budget_statements
from site_agent.local_round import local_round
from site_agent.sharing import keep_personal, load_start
from site_agent.site import Progress, Site
from site_agent.task_check import check_promised, check_task
from site_agent.workbench import Workbench


def run_round(site: Site, envelope: Envelope, progress: Progress) -> Answer:
    """Carry out one signed task; returns the site's statements, the signed report last.

    Never raises for a refusal or failure: that is a report too.

    Raises:
        SignatureError: if the task is not signed by a coordinator that the site trusts, since a
            stranger gets no answer.
    """
    task = open_record(envelope, site.coordinators, TASK_KIND, RoundTask)
    try:
        if site.outbox.find(task).update is None:
            _train(site, task, _approver(site, envelope), progress)
        return _finish(site, task)
    except (PolicyError, BudgetError, SignatureError, DeidentificationError) as refusal:
        return _decline(site, task, "refused", refusal)
    except FedclinicError as failure:
        return _decline(site, task, "failed", failure)


def _approver(site: Site, envelope: Envelope) -> str:
    """Which of the coordinators that this site trusts signed a task, by key."""
    return f"coordinator {' '.join(sorted(signed_by(envelope, site.coordinators)))}"


def _train(site: Site, task: RoundTask, approved_by: str, progress: Progress) -> None:
    """Train under one hold of the budget, whose result is kept before anything leaves.

    A round that stopped in the middle let nothing out, so it is repeated under the same hold; a
    hold has at most one result.
    """
    check_task(site, task)
    privacy = task.work.privacy
    if isinstance(privacy, PatientPrivacy):
        _begin_use(site, task, privacy, approved_by)
    workbench = site.workbench(task)
    start = load_start(task, workbench, _global_change(site, task, workbench), site.personal)
    local = local_round(site.auditing, task, workbench, progress)
    if isinstance(privacy, PatientPrivacy):
        with site.together(task) as group:
            update = train_privately(local, privacy, RandomStream(site.noise_key()), group)
    else:
        update = train_unprotected(local, privacy)
    sent, personal = keep_personal(task, local, update, start, site.personal)
    manifest = _check_and_store(site, task, sent, personal)
    site.outbox.keep_result(task, manifest, _store_coordinates(site, local))


def _begin_use(site: Site, task: RoundTask, privacy: PatientPrivacy, approved_by: str) -> None:
    """Set the round's budget aside and mark it used, before a note is read."""
    hold = site.ledger.reserve(
        run=task.run,
        round_number=task.round_number,
        cohorts=site.store.cohorts(),
        mechanism=privacy.mechanism(),
        plan_digest=task.plan_digest,
        attempt=task.attempt,
        approved_by=approved_by,
    )
    if not site.ledger.in_use(hold):
        check_promised(site, task, privacy, hold)
        site.ledger.begin_use(hold)
    state(site, task, site.self_tested)
    _state_budget(site, task)


def _finish(site: Site, task: RoundTask) -> Answer:
    """Charge a trained round, report it once, and deliver its update."""
    kept = site.outbox.find(task)
    update = kept.update
    if update is None:
        raise LedgerError(f"round {task.round_number} has no update to report")
    if kept.report is None:
        hold = site.ledger.find(task.run, task.round_number, task.attempt)
        if hold is not None and site.ledger.in_use(hold):
            site.ledger.commit(hold)
        _state_budget(site, task)
        report = _release(site, task, _completed(site, task, update, kept.audit))
        kept = site.outbox.keep_report(task, report)
    else:
        report = kept.report
    site.outbox.deliver(kept, site.blobs)
    return Answer(statements=with_present_key((*kept.statements, report), site.key))


def _global_change(site: Site, task: RoundTask, workbench: Workbench) -> Tensors | None:
    if task.state is None:
        return None
    path = site.blobs.find(task.state)
    with UpdateFile(path, workbench.model.shapes(), "F32") as file:
        if file.digest() != task.state:
            raise SignatureError("the global model's blob does not have the task's digest")
        return dict(file)


def _check_and_store(
    site: Site, task: RoundTask, update: Tensors, personal: tuple[int, ...]
) -> UpdateManifest:
    """Check the site's own update as the coordinator will, then store it in the outbox."""
    shapes = {name: tuple(values.shape) for name, values in update.items()}
    norm = check_update(update, schema=shapes, max_norm=task.work.max_update_norm)
    blob, size = site.outbox.blobs.put(encode_chunks(update, task.work.dtype))
    return UpdateManifest(
        blob=blob,
        bytes=size,
        parameters=count_parameters(shapes),
        norm=norm,
        personal=personal,
    )


def _store_coordinates(site: Site, local: LocalRound) -> AuditedRound | None:
    if local.audit is None:
        return None
    blob, _ = site.outbox.blobs.put([local.audit.trace.coordinates().tobytes()])
    return AuditedRound(canaries=local.audit.network.audit.canaries, coordinates=blob)


def _completed(
    site: Site, task: RoundTask, manifest: UpdateManifest, audit: AuditedRound | None
) -> SiteReport:
    privacy = task.work.privacy
    spent = None
    if isinstance(privacy, PatientPrivacy):
        mechanisms = site.ledger.spent_mechanisms(task.run)
        spent = PrivacySpent(
            epsilon=epsilon(mechanisms, delta=privacy.delta),
            delta=privacy.delta,
            rounds=len(mechanisms),
        )
    return SiteReport(
        run=task.run,
        round_number=task.round_number,
        attempt=task.attempt,
        site=task.site,
        plan_digest=task.plan_digest,
        nonce=task.nonce,
        status="completed",
        update=manifest,
        privacy=spent,
        budget=site.ledger.tightest_budget(),
        ledger=site.ledger.head(),
        self_test=site.self_test,
        audit=audit,
        deidentification=summarise(
            site.store.measures.counts(),
            site.policies["deidentification"],
            site.store.measures.measured(),
            site.store.digest_for(task.run, task.round_number),
        ),
        policies=dict(site.policies),
    )


def state(site: Site, task: RoundTask, event: Record) -> None:
    """Keep a signed statement of what just happened; the round's answer carries it."""
    site.outbox.state(task, _release(site, task, event))


def _state_budget(site: Site, task: RoundTask) -> None:
    for event in budget_statements(site.ledger, task):
        state(site, task, event)


def _release(site: Site, task: RoundTask, record: Record) -> Envelope:
    return release(record, task, site.disclosure_policy, site.key)


def _decline(
    site: Site, task: RoundTask, status: Literal["refused", "failed"], error: FedclinicError
) -> Answer:
    report = _release(site, task, _declined(task, status, error.code))
    said = with_present_key(site.outbox.find(task).statements, site.key)
    return Answer(statements=(*said, report), problem=str(error))


def _declined(task: RoundTask, status: Literal["refused", "failed"], code: ErrorCode) -> SiteReport:
    return SiteReport(
        run=task.run,
        round_number=task.round_number,
        attempt=task.attempt,
        site=task.site,
        plan_digest=task.plan_digest,
        nonce=task.nonce,
        status=status,
        error=code,
    )
