"""Plan a round, admit what comes back, fold it in: the coordinator without Prefect."""

import math
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from fedclinic.answers import Answer
from fedclinic.errors import AdmissionError, ConfigError, FedclinicError
from fedclinic.evidence.keys import SigningKey, VerifyKey
from fedclinic.evidence.statement import Envelope, open_record, sign
from fedclinic.method_parts import LayerDropout
from fedclinic.method_plan import training_of
from fedclinic.methods import Method, RoundDiagnostics, ServerState
from fedclinic.plan import FederationPlan
from fedclinic.records import Digest
from fedclinic.rounds import REPORT_KIND, TASK_KIND, RoundTask, SiteReport, UpdateManifest, Work
from fedclinic.updates.admission import check_report, check_update
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.codec import UpdateFile, encode_chunks
from fedclinic.updates.layout import TensorSchema
from fedclinic.updates.planned_noise import noise_floors
from fedclinic.updates.shared import shared_schema
from flows.run_store import SiteOutcome


@dataclass(frozen=True)
class Federation:
    """What stays the same over a run's rounds."""

    run: str
    plan: FederationPlan
    method: Method
    schema: TensorSchema
    key: SigningKey
    site_keys: Mapping[str, VerifyKey]
    blobs: BlobFolder


def work_of(plan: FederationPlan, site: str | None = None) -> Work:
    """The part of the plan that sites carry out, with the labels that a site annotates."""
    return Work(
        task=plan.task if site is None else plan.task_at(site),
        base_model=plan.base_model,
        layers=plan.layers,
        optimizer=plan.optimizer,
        privacy=plan.privacy,
        rounds=plan.rounds,
        dtype=plan.admission.dtype,
        max_update_norm=plan.admission.max_update_norm,
        training=training_of(plan.method),
    )


def publish_state(
    federation: Federation, state: ServerState, site: str
) -> tuple[Digest | None, int]:
    """Store what a site starts from; None, and no bytes, while it is still the base model."""
    if state.round_number == 0:
        return None, 0
    return federation.blobs.put(encode_chunks(federation.method.state_for(state, site), "F32"))


def make_task(
    federation: Federation,
    site: str,
    round_number: int,
    state: Digest | None,
    deadline: float,
    dropout: LayerDropout | None = None,
) -> Envelope:
    """Write and sign one site's task for a round; `dropout` is a configurator's choice for it."""
    task = RoundTask(
        run=federation.run,
        round_number=round_number,
        site=site,
        plan_digest=federation.plan.digest(),
        work=work_of(federation.plan, site),
        state=state,
        nonce=secrets.token_hex(16),
        deadline=deadline,
        dropout=dropout,
    )
    return sign(task, TASK_KIND, federation.key)


def renew_task(federation: Federation, signed: Envelope, deadline: float) -> Envelope:
    """Give a task of an interrupted round a new deadline and nothing else.

    Run, round, attempt and nonce stay: a site that had finished answers with the report that it
    kept, and one that had not goes on under the budget that it had set aside.
    """
    trusted = {federation.key.key_id: federation.key.public}
    task = open_record(signed, trusted, TASK_KIND, RoundTask)
    return sign(task.model_copy(update={"deadline": deadline}), TASK_KIND, federation.key)


def admit(federation: Federation, task: Envelope, given: Answer) -> SiteOutcome:
    """Check a report and its update against the task; a bad one is quarantined, with a reason."""
    asked = open_record(task, {federation.key.key_id: federation.key.public}, TASK_KIND, RoundTask)
    key = federation.site_keys[asked.site]
    try:
        answer = open_record(given.last, {key.key_id: key}, REPORT_KIND, SiteReport)
        check_report(answer, asked, used_nonces=())
        if answer.status != "completed":
            reason = given.problem or str(answer.error)
            return SiteOutcome(site=asked.site, verdict=answer.status, reason=reason, report=answer)
        _check_blob(federation, asked, answer)
    except FedclinicError as refusal:
        return SiteOutcome(site=asked.site, verdict="quarantined", reason=str(refusal))
    except OSError as error:
        reason = f"its update cannot be read: {error.strerror}"
        return SiteOutcome(site=asked.site, verdict="quarantined", reason=reason)
    return SiteOutcome(site=asked.site, verdict="admitted", report=answer)


def fold_in(
    federation: Federation, state: ServerState, outcomes: tuple[SiteOutcome, ...]
) -> tuple[ServerState, RoundDiagnostics]:
    """Apply the plan's method to the admitted updates, read from disk tensor by tensor."""
    with ExitStack() as files:
        updates = {}
        for outcome in outcomes:
            if outcome.verdict == "admitted" and outcome.report and outcome.report.update:
                path = federation.blobs.find(outcome.report.update.blob)
                schema = _sent_schema(federation, outcome.report.update)
                file = UpdateFile(path, schema, federation.plan.admission.dtype)
                updates[outcome.site] = files.enter_context(file)
        return federation.method.apply(state, updates, federation.plan.weights())


def check_update_bound(plan: FederationPlan, schema: TensorSchema) -> None:
    """Refuse a plan whose noise alone passes its bound, before any budget is spent.

    Raises:
        ConfigError: saying which bound the sites' updates would need at least.
    """
    floors = noise_floors(work_of(plan), schema, 1)
    least = 1.1 * math.sqrt(math.fsum(floor.norm**2 for floor in floors))
    bound = plan.admission.max_update_norm
    if floors and bound < least:
        raise ConfigError(
            f"admission.max_update_norm is {bound:g}, and the planned noise alone gives an update "
            f"a norm of about {least:.4g}: every update would be quarantined after its budget was "
            f"spent; raise it to {2 * least:.2g}, train fewer tensors, or lower the learning rate"
        )


def _check_blob(federation: Federation, task: RoundTask, report: SiteReport) -> None:
    if report.update is None:
        raise AdmissionError("the report names no update")
    path = federation.blobs.find(report.update.blob)
    schema = _sent_schema(federation, report.update)
    with UpdateFile(path, schema, federation.plan.admission.dtype) as file:
        if file.digest() != report.update.blob:
            raise AdmissionError("the update does not have the digest that its site signed")
        check_update(
            file,
            schema=schema,
            max_norm=federation.plan.admission.max_update_norm,
            floors=noise_floors(task.work, schema, task.round_number),
        )


def _sent_schema(federation: Federation, update: UpdateManifest) -> TensorSchema:
    """What an update must hold: the plan's tensors, less the blocks that the site keeps."""
    return shared_schema(federation.schema, training_of(federation.plan.method), update.personal)
