"""One hospital with a tiny model and a dozen patients, whose rounds take a fraction of a second."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Never

import numpy as np

from fedclinic.answers import Answer
from fedclinic.config import parse_document
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.statement import Envelope, open_record, sign, statement_kind
from fedclinic.plan import Task
from fedclinic.privacy.auditing_policy import AuditingPolicy
from fedclinic.privacy.policy import PrivacyPolicy
from fedclinic.rounds import TASK_KIND, RoundTask, SiteReport
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.codec import UpdateFile
from site_agent.agent import run_round
from site_agent.audit_secrets import AuditSecrets
from site_agent.auditing import Auditing
from site_agent.egress import REPORT_KIND
from site_agent.keys import load_secret, load_signing_key
from site_agent.ledger_file import LedgerFile
from site_agent.note_store import NoteStore
from site_agent.outbox import Outbox
from site_agent.personal_store import PersonalStore
from site_agent.prepare import update_store
from site_agent.settings import SiteConfig
from site_agent.site import Site
from site_agent.site_home import SiteHome
from site_agent.workbench import Workbench, build_workbench
from tests.factories import (
    DIGEST,
    make_learning_task,
    make_plan,
    make_round_task,
    make_self_tested,
    make_signing_key,
    make_unprotected,
    make_work,
    note_row,
    site_values,
    write_jsonl,
)
from tests.fakes import (
    FakeClock,
    FakeDetector,
    FakeProgress,
    installed_auditing_policy,
    installed_deidentification_policy,
    installed_disclosure_policy,
    make_treatment,
)

COORDINATOR = make_signing_key(1)
PATIENTS = 12
UNPROTECTED = make_work(make_plan(privacy=make_unprotected().model_dump()))


def public_text(key: SigningKey) -> str:
    return base64.b64encode(key.public.raw).decode()


def installed_privacy_policy(**changes: Any) -> PrivacyPolicy:
    text = resources.files("policies").joinpath("privacy.yaml").read_text("utf-8")
    policy = parse_document(text, PrivacyPolicy, source="privacy.yaml")
    return PrivacyPolicy.model_validate(policy.model_dump() | changes)


@dataclass
class TinySite:
    """A site, the coordinator that it trusts, and everything that the test may look at."""

    site: Site
    home: SiteHome
    clock: FakeClock
    workbenches: list[RoundTask] = field(default_factory=list)
    """Tasks for which notes were read."""

    def run(self, task: RoundTask, key: SigningKey = COORDINATOR) -> SiteReport:
        return self.open(self.answer(task, key).last)

    def answer(self, task: RoundTask, key: SigningKey = COORDINATOR) -> Answer:
        return run_round(self.site, sign(task, TASK_KIND, key), FakeProgress())

    def open(self, report: Envelope) -> SiteReport:
        public = self.site.key.public
        return open_record(report, {public.key_id: public}, REPORT_KIND, SiteReport)

    def spent(self) -> float:
        """Epsilon that the tightest cohort spent, holds included."""
        budget = self.site.ledger.tightest_budget()
        assert budget is not None
        return budget.spent_epsilon

    def change(self, **parts: Any) -> None:
        """Replace parts of the site, as if it had been opened with others."""
        self.site = replace(self.site, **parts)

    def allow(self, **permissions: Any) -> None:
        allowed = self.site.config.permissions.model_copy(update=permissions)
        self.change(config=self.site.config.model_copy(update={"permissions": allowed}))


def make_tiny_site(
    root: Path,
    model_folder: Path,
    *,
    rows: Sequence[dict[str, Any]] | None = None,
    task: Task | None = None,
    policy: PrivacyPolicy | None = None,
    auditing: AuditingPolicy | None = None,
    name: str = "north",
) -> TinySite:
    """Open a site under `root`, prepared for rounds of a document task."""
    root.mkdir(parents=True, exist_ok=True)
    default = [note_row(n, patient_id=n % PATIENTS) for n in range(2 * PATIENTS)]
    notes = write_jsonl(root / "notes.jsonl", rows or default)
    values = site_values(notes, site=name)
    values["permissions"] |= {
        "coordinators": [public_text(COORDINATOR)],
        "models": {"tiny": str(model_folder)},
    }
    config = SiteConfig.model_validate(values)
    home = SiteHome(root / "home")
    clock = FakeClock()
    key = load_signing_key(home)
    store = NoteStore.open(home.notes, load_secret(home.store_key))
    treatment = make_treatment(FakeDetector())
    update_store(config, task or make_learning_task(), store, treatment, FakeProgress())
    ledger = LedgerFile.open(home.ledger, site=name, clock=clock)
    privacy = policy or installed_privacy_policy()
    for cohort in store.cohorts():
        ledger.add_cohort(
            cohort,
            epsilon=privacy.epsilon,
            delta=privacy.delta,
            yearly_epsilon=privacy.yearly_epsilon,
        )
    read: list[RoundTask] = []
    site = Site(
        config=config,
        key=key,
        coordinators={COORDINATOR.key_id: COORDINATOR.public},
        privacy_policy=privacy,
        policies={"deidentification": installed_deidentification_policy().digest()},
        disclosure_policy=installed_disclosure_policy(),
        auditing=Auditing(
            auditing or installed_auditing_policy(canaries=20, planted=2, unplanted=6),
            AuditSecrets(home.audits, lambda: b"\x09" * 32),
        ),
        self_test=DIGEST,
        self_tested=make_self_tested(name),
        ledger=ledger,
        store=store,
        outbox=Outbox(home.outbox),
        personal=PersonalStore(home.personal),
        blobs=BlobFolder(root / "blobs"),
        workbench=_remembering(read, config, home, store),
        noise_key=lambda: b"\x05" * 32,
        clock=clock,
    )
    return TinySite(site, home, clock, read)


def make_tiny_task(**changes: Any) -> RoundTask:
    return make_round_task(**{"plan_digest": DIGEST} | changes)


def _remembering(
    read: list[RoundTask], config: SiteConfig, home: SiteHome, store: NoteStore
) -> Callable[[RoundTask], Workbench]:
    def build(task: RoundTask) -> Workbench:
        read.append(task)
        plan = (task.work.task, task.work.base_model, task.work.layers)
        return build_workbench(config, home, store, plan, FakeProgress())

    return build


def update_of(tiny: TinySite, digest: str) -> dict[str, np.ndarray]:
    """The tensors of an update that a site delivered, by name."""
    bench = tiny.site.workbench(make_tiny_task(work=make_work()))
    path = tiny.site.blobs.find(digest)
    with UpdateFile(path, bench.model.shapes(), "F32") as file:
        return dict(file)


def kinds_of(answer: Answer) -> list[str]:
    """Kinds of the statements of an answer, in their order."""
    return [statement_kind(statement) for statement in answer.statements]


def never_read(task: RoundTask) -> Never:
    """A workbench of a site whose notes must not be read."""
    raise AssertionError("notes were read")
