"""Carry out whatever signed task a site is given: prepare, train a round, measure a model."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from fedclinic import rounds
from fedclinic.answers import Answer
from fedclinic.errors import (
    BudgetError,
    DeidentificationError,
    FedclinicError,
    PolicyError,
    SignatureError,
)
from fedclinic.evidence import cosigning
from fedclinic.evidence.cosigning import CosignTask
from fedclinic.evidence.statement import Envelope, open_record, statement_kind
from fedclinic.local_protocol import Counted, Progress, Reply
from fedclinic.plan import BaseModelRef, Layers, Task
from fedclinic.records import Digest, Record
from fedclinic.rounds import (
    AuditRevealed,
    EvaluationTask,
    PrepareTask,
    RevealTask,
    RoundTask,
    SitePrepared,
    TaskDeclined,
)
from fedclinic.updates.blobs import BlobFolder
from site_agent.agent import run_round
from site_agent.audit_secrets import AuditSecrets
from site_agent.auditing import Auditing, judged
from site_agent.detection_process import OneProcess
from site_agent.egress import AnyTask, release, release_policies, summarise
from site_agent.evaluation import digest_notes, evaluate, load_state
from site_agent.key_rotation import stated_rotations
from site_agent.keys import coordinator_keys
from site_agent.ledger_statements import to_the_minute
from site_agent.models import check_base_model
from site_agent.opening import OpenSite
from site_agent.outbox import Outbox
from site_agent.personal_store import PersonalStore
from site_agent.policy_book import put_in_force
from site_agent.prepare import update_store
from site_agent.proven_trainer import ProvenTrainer, prove_trainer
from site_agent.site import Site, fresh_noise_key
from site_agent.step_processes import StepProcesses
from site_agent.store_measures import StoreCounts
from site_agent.witness_file import cosign_once
from site_agent.workbench import Workbench, build_workbench

Stage = Literal["de-identify", "encode", "train", "evaluate"]
Say = Callable[[Reply], None]
SomeTask = TypeVar("SomeTask", PrepareTask, EvaluationTask, RevealTask, CosignTask)
Statements = tuple[Envelope, ...]


@dataclass
class TaskHandler:
    """One site's tasks; keeps the workbench of the last plan and notes in memory."""

    site: OpenSite
    blobs: BlobFolder
    say: Say
    clock: Callable[[], float]
    noise_key: Callable[[], bytes] = fresh_noise_key
    bench: dict[str, Workbench] = field(default_factory=dict)
    proven: ProvenTrainer | None = None

    def handle(self, envelope: Envelope) -> Answer:
        """Answer a task of any kind that this version knows.

        Raises:
            SignatureError: if no trusted coordinator signed it, or its kind is unknown.
        """
        match statement_kind(envelope):
            case rounds.TASK_KIND:
                stated = self._stated_policies()
                answer = run_round(self._rounds(), envelope, self._meter("train"))
                return answer.model_copy(update={"statements": (*stated, *answer.statements)})
            case rounds.PREPARE_KIND:
                return self._answer(envelope, PrepareTask, self._prepare)
            case rounds.EVALUATION_KIND:
                return self._answer(envelope, EvaluationTask, self._evaluate)
            case rounds.REVEAL_KIND:
                return self._answer(envelope, RevealTask, self._reveal)
            case cosigning.COSIGN_KIND:
                return self._answer(envelope, CosignTask, self._cosign)
            case kind:
                raise SignatureError(f"this agent knows no task of kind '{kind}'")

    def _answer(
        self,
        envelope: Envelope,
        record: type[SomeTask],
        carry_out: Callable[[SomeTask], Statements],
    ) -> Answer:
        """Answer with the record that the task asks for, or say why not by one word."""
        trusted = coordinator_keys(self.site.config.permissions.coordinators)
        task = open_record(envelope, trusted, statement_kind(envelope), record)
        try:
            self._check_addressed(task)
            return Answer(statements=carry_out(task))
        except (PolicyError, BudgetError, SignatureError, DeidentificationError) as refusal:
            return self._decline(task, "refused", refusal)
        except FedclinicError as failure:
            return self._decline(task, "failed", failure)

    def _check_addressed(self, task: AnyTask) -> None:
        if task.site != self.site.config.site:
            raise SignatureError(
                f"the task is for site {task.site}, and this is {self.site.config.site}"
            )
        if task.deadline < self.clock():
            raise SignatureError("the task's deadline has passed")

    def _decline(
        self, task: AnyTask, status: Literal["refused", "failed"], error: FedclinicError
    ) -> Answer:
        declined = TaskDeclined(
            run=task.run, site=task.site, nonce=task.nonce, status=status, error=error.code
        )
        return Answer(statements=(self._release(declined, task),), problem=str(error))

    def _prepare(self, task: PrepareTask) -> Statements:
        self.site.store.measures.check_audit_passed()
        self.site.ledger.verify(task.witness)
        stated = self._stated_policies()
        check_base_model(task.base_model, task.layers, self.site.config)
        counts = self._update_store(task.task)
        self._add_cohorts()
        bench = self._workbench(task.task, task.base_model, task.layers)
        self.say(
            Counted(notes=counts.notes, quarantined=counts.quarantined, patients=counts.patients)
        )
        shapes = bench.model.shapes()
        prepared = SitePrepared(
            run=task.run,
            site=task.site,
            nonce=task.nonce,
            base_model=bench.base_digest,
            shapes=shapes,
            model_parameters=bench.model_parameters,
            deidentification=summarise(
                counts,
                self.site.deidentification_policy.digest(),
                self.site.store.measures.measured(),
                self._store_digest(task.run),
            ),
        )
        bound = self._auditing().commit(task.run, task.site, to_the_minute(self.clock()))
        signed = self._release(bound, task), self._release(prepared, task, *shapes)
        site = self.site
        rotations = stated_rotations(site.home, site.config.site, site.key.public)
        return (*rotations, *stated, *signed)

    def _update_store(self, task: Task) -> StoreCounts:
        with self.site.detection() as pool:
            return update_store(
                self.site.config,
                task,
                self.site.store,
                OneProcess(pool, self.site.treatment(), self.site.roster()),
                self._meter("de-identify"),
            )

    def _add_cohorts(self) -> None:
        """Give the patients of each year the budget that the policy grants."""
        policy = self.site.privacy_policy
        for cohort in self.site.store.cohorts():
            self.site.ledger.add_cohort(
                cohort,
                epsilon=policy.epsilon,
                delta=policy.delta,
                yearly_epsilon=policy.yearly_epsilon,
            )

    def _store_digest(self, run: str) -> Digest:
        """Names the notes: openly where they are public or consented, else for the site alone."""
        if self.site.config.permissions.evaluation:
            return digest_notes(self.site.store.notes())
        return self.site.store.digest_for(run, 0)

    def _stated_policies(self) -> Statements:
        """The policies in force, durable before anything is done under them."""
        site = self.site
        at = to_the_minute(self.clock())
        changes = put_in_force(site.home.policies, site.config.site, site.policies(), at)
        return release_policies(changes, site.disclosure_policy, site.key)

    def _evaluate(self, task: EvaluationTask) -> Statements:
        bench = self._workbench(task.work.task, task.work.base_model, task.work.layers)
        report = evaluate(
            task,
            bench,
            self.site.config,
            self.blobs,
            smallest_group=self.site.disclosure_policy.smallest_count,
        )
        return (self._release(report, task, task.subject, *task.groups),)

    def _reveal(self, task: RevealTask) -> Statements:
        """Judge the run by the coordinator's guesses, score the planted, and tell the coins."""
        auditing, at = self._auditing(), to_the_minute(self.clock())
        secret = auditing.secrets.find(task.run)
        said: list[Record] = []
        if task.guessed is not None:
            spent = self.site.ledger.spent_mechanisms(task.run)
            own = Outbox(self.site.home.outbox).blobs
            said.append(judged(task, auditing.judge(task, task.guessed, spent, own), at))
        if auditing.plants(task.work.task):
            bench = self._workbench(task.work.task, task.work.base_model, task.work.layers)
            bench.reset(load_state(task.state, bench, self.blobs))
            said.append(auditing.score(task, bench, at))
        auditing.secrets.bind(task.run, task.guessed)
        said.append(
            AuditRevealed(run=task.run, site=task.site, nonce=task.nonce, secret=secret.secret)
        )
        return tuple(self._release(record, task) for record in said)

    def _auditing(self) -> Auditing:
        secrets = AuditSecrets(self.site.home.audits, self.noise_key)
        return Auditing(self.site.auditing_policy, secrets)

    def _cosign(self, task: CosignTask) -> Statements:
        trusted = coordinator_keys(self.site.config.permissions.coordinators)
        cosigned = cosign_once(task, self.site.home, trusted, self.site.key)
        return (self._release(cosigned, task),)

    def _release(self, record: Record, task: AnyTask, *known: str) -> Envelope:
        return release(record, task, self.site.disclosure_policy, self.site.key, known=known)

    def _workbench(self, task: Task, base: BaseModelRef, layers: Layers) -> Workbench:
        wanted = "\n".join(part.model_dump_json() for part in (task, base, layers))
        wanted += "\n" + self.site.store.fingerprint()
        if wanted not in self.bench:
            self.bench.clear()
            self.bench[wanted] = build_workbench(
                self.site.config,
                self.site.home,
                self.site.store,
                (task, base, layers),
                self._meter("encode"),
            )
        return self.bench[wanted]

    def _rounds(self) -> Site:
        def workbench(task: RoundTask) -> Workbench:
            return self._workbench(task.work.task, task.work.base_model, task.work.layers)

        proven = self._proven_trainer()
        return Site(
            config=self.site.config,
            key=self.site.key,
            coordinators=coordinator_keys(self.site.config.permissions.coordinators),
            privacy_policy=self.site.privacy_policy,
            policies=self.site.policies(),
            disclosure_policy=self.site.disclosure_policy,
            auditing=self._auditing(),
            self_test=proven.digest,
            self_tested=proven.statement,
            ledger=self.site.ledger,
            store=self.site.store,
            outbox=Outbox(self.site.home.outbox),
            personal=PersonalStore(self.site.home.personal),
            blobs=self.blobs,
            workbench=workbench,
            noise_key=self.noise_key,
            clock=self.clock,
            together=StepProcesses(self.site.config, self.site.home, self.site.auditing_policy),
        )

    def _proven_trainer(self) -> ProvenTrainer:
        """The trainer, tested once for the process, before its first round."""
        if self.proven is None:
            self.proven = prove_trainer(self.site.config.site, self.noise_key(), self.clock())
        return self.proven

    def _meter(self, stage: Stage) -> Callable[[int, int], None]:
        def report(done: int, total: int) -> None:
            self.say(Progress(stage=stage, done=done, total=total))

        return report
