"""One round at one hospital, from the signed task to the signed report, top to bottom.

The order is the guarantee: signature, policy and budget are checked before a note is read, the
budget is durably in use before the notes are, and update, charge and report are durable before
they leave, so that a repeated task gets the same statements and never a second draw from the same
budget.
"""

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

from fedclinic.answers import Answer
from fedclinic.errors import (
    BudgetError,
    ErrorCode,
    FedclinicError,
    LedgerError,
    PolicyError,
    SignatureError,
)
from fedclinic.evidence.events import SelfTested
from fedclinic.evidence.keys import SigningKey, VerifyKey
from fedclinic.evidence.statement import Envelope, open_record, signed_by
from fedclinic.learning.finetune import (
    LocalRound,
    train_privately,
    train_unprotected,
)
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.accounting import epsilon
from fedclinic.privacy.disclosure import DisclosurePolicy
from fedclinic.privacy.distributed_sum import ALONE, StepGroup
from fedclinic.privacy.mechanism import PrivacySpent
from fedclinic.privacy.policy import PrivacyPolicy, check_mechanism, check_promise
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.records import Digest, Record
from fedclinic.rounds import TASK_KIND, AuditedRound, RoundTask, SiteReport, UpdateManifest
from fedclinic.updates.admission import check_update
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.codec import Tensors, UpdateFile, count_parameters, encode_chunks
from site_agent.auditing import Auditing
from site_agent.egress import release, summarise
from site_agent.ledger_file import LedgerFile
from site_agent.ledger_statements import budget_statements
from site_agent.local_round import local_round
from site_agent.note_store import NoteStore
from site_agent.outbox import Outbox
from site_agent.personal_store import PersonalStore
from site_agent.settings import SiteConfig
from site_agent.sharing import keep_personal, load_start
from site_agent.workbench import Workbench

Progress = Callable[[int, int], None]


def _alone(_: RoundTask) -> AbstractContextManager[StepGroup]:
    return nullcontext(ALONE)


@dataclass(frozen=True)
class Site:
    """A hospital's parts, opened once by the process that runs its rounds."""

    config: SiteConfig
    key: SigningKey
    coordinators: dict[str, VerifyKey]
    privacy_policy: PrivacyPolicy
    deidentification_policy: Digest
    disclosure_policy: DisclosurePolicy
    auditing: Auditing
    self_test: Digest
    """Digest of the passed self-test of this machine's trainer."""
    self_tested: SelfTested
    """What the site states of that self-test."""
    ledger: LedgerFile
    store: NoteStore
    outbox: Outbox
    personal: PersonalStore
    blobs: BlobFolder
    workbench: Callable[[RoundTask], Workbench]
    """Loads notes and model; called only after the budget is in use."""
    noise_key: Callable[[], bytes]
    """32 fresh bytes for a round's noise and sampling; the operating system's entropy."""
    clock: Callable[[], float] = time.time
    together: Callable[[RoundTask], AbstractContextManager[StepGroup]] = _alone
    """The processes that compute a round's steps, for as long as it trains."""


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
    except (PolicyError, BudgetError, SignatureError) as refusal:
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
        _check_promise(site, task, privacy, hold)
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
    return Answer(statements=(*kept.statements, report))


def check_task(site: Site, task: RoundTask) -> None:
    """Refuse, before anything is read or spent, what the site's own policy does not allow.

    Raises:
        SignatureError: if the task is for another site, too late, or older than the last one.
        PolicyError: if the plan asks for more than the site allows.
    """
    if task.site != site.config.site:
        raise SignatureError(f"the task is for site {task.site}, and this is {site.config.site}")
    if task.deadline < site.clock():
        raise SignatureError(f"the deadline of round {task.round_number} has passed")
    last = site.outbox.last_round(task.run)
    if task.round_number < last:
        raise SignatureError(
            f"round {task.round_number} after round {last}: its global model is an older one"
        )
    if task.round_number > task.work.rounds:
        raise PolicyError(f"round {task.round_number} of a plan of {task.work.rounds} rounds")
    allowed = site.config.permissions
    if task.work.base_model.name not in allowed.models:
        raise PolicyError(f"site.yaml allows no model '{task.work.base_model.name}'")
    if task.work.layers.trained_blocks > allowed.max_trained_blocks:
        raise PolicyError(
            f"the plan trains {task.work.layers.trained_blocks} blocks, and site.yaml allows "
            f"{allowed.max_trained_blocks}"
        )
    if task.dropout is not None and task.work.training.dropout is None:
        raise PolicyError("the task asks for layer dropout, and its plan has none")
    if isinstance(task.work.privacy, PatientPrivacy):
        check_mechanism(task.work.privacy, site.privacy_policy)
    elif not allowed.unprotected:
        raise PolicyError(
            "the plan has no differential privacy, and site.yaml does not allow it "
            "(permissions.unprotected)"
        )


def _check_promise(site: Site, task: RoundTask, privacy: PatientPrivacy, hold: str) -> None:
    """Refuse a round that would take the run past the epsilon that its plan promised.

    Whatever the run spent here counts, in whichever order its rounds were asked for.
    """
    try:
        check_promise(privacy, site.ledger.spent_mechanisms(task.run), privacy.mechanism())
    except PolicyError:
        site.ledger.refund(hold, "past the epsilon that the plan promised")
        raise


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
            site.store.counts(), site.deidentification_policy, site.store.measured()
        ),
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
    return Answer(statements=(*site.outbox.find(task).statements, report), problem=str(error))


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


def fresh_noise_key() -> bytes:
    """32 bytes of the operating system's entropy."""
    return os.urandom(32)
