"""A site whose trainer forgets its noise, as a real process: its canaries give it away."""

import sys
from pathlib import Path

import pytest
import yaml

from fedclinic.answers import Answer
from fedclinic.evidence.events import AuditJudged
from fedclinic.evidence.statement import Envelope, statement_kind
from fedclinic.local_protocol import Counted, Progress
from fedclinic.methods import make_method
from fedclinic.updates.blobs import BlobFolder
from flows.asking import ask_to_prepare
from flows.coordinator_key import load_coordinator_key, public_text
from flows.plan_file import load_plan
from flows.revealing import Audited, audit_site, failures, installed_policy
from flows.rounds import Federation, admit, fold_in, make_task, publish_state, work_of
from flows.settings import Workspace
from flows.sites.local import SITE_PROGRAM, LocalSites
from site_agent.synthesize import write_cohort
from tests.end_to_end.conftest import HOSPITALS, plan_document, site_document
from tests.factories import FAR_FUTURE

SITE = HOSPITALS[0]
ADAM = {"name": "adam", "learning_rate": 0.01}
"""With plain SGD an update quieter than its noise is quarantined before any audit."""


class Nobody:
    """Watches nothing."""

    def progress(self, site: str, progress: Progress) -> None: ...

    def counted(self, site: str, counted: Counted) -> None: ...


@pytest.fixture
def folder(tmp_path: Path, tiny_model_folder: Path) -> Path:
    write_cohort(
        tmp_path / "notes", hospitals=[SITE], patients=12, test_patients=4, alpha=1.0, seed=3
    )
    notes = str(tmp_path / "notes" / "{site}.jsonl")
    site = site_document("{site}", notes, tiny_model_folder, evaluation=False)
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(site))
    alone = {"sites": [{"name": SITE, "weight": 1}], "quorum": 1, "rounds": 2, "optimizer": ADAM}
    (tmp_path / "federation.yaml").write_text(yaml.safe_dump(plan_document() | alone))
    return tmp_path


def audit(folder: Path, program: tuple[str, ...]) -> AuditJudged:
    """Prepare, train every round and audit the one site; returns the coordinator's verdict."""
    workspace = Workspace(folder / "workspace")
    plan = load_plan(folder / "federation.yaml")
    key = load_coordinator_key(workspace)
    with LocalSites(plan, workspace, "", public_text(key), Nobody(), program) as sites:
        ready, answer = ask_to_prepare(sites, SITE, plan, "run-a", key, deadline=FAR_FUTURE)
        federation = Federation(
            run="run-a",
            plan=plan,
            method=make_method(plan.method, plan.site_names()),
            schema=ready.shapes,
            key=key,
            site_keys={SITE: sites.key(SITE)},
            blobs=BlobFolder(workspace.blobs),
        )
        coordinates = []
        state = federation.method.init(federation.schema)
        for number in range(1, plan.rounds + 1):
            blob, _ = publish_state(federation, state, SITE)
            task = make_task(federation, SITE, number, blob, FAR_FUTURE)
            outcome = admit(federation, task, sites.submit(SITE, task))
            assert outcome.verdict == "admitted", outcome.reason
            assert outcome.report is not None
            assert outcome.report.audit is not None
            coordinates.append(outcome.report.audit.coordinates)
            state, _ = fold_in(federation, state, (outcome,))
        audited = Audited(
            run="run-a",
            plan=plan,
            work=work_of(plan),
            state=publish_state(federation, state, SITE)[0],
            key=key,
            site_keys=federation.site_keys,
            blobs=federation.blobs,
            policy=installed_policy(),
            committed={SITE: commitment_in(answer)},
            coordinates={SITE: tuple(coordinates)},
        )
        judged = audit_site(audited, sites, SITE, deadline=FAR_FUTURE).judged
    assert judged is not None
    return judged


def commitment_in(answer: Answer) -> Envelope:
    return next(e for e in answer.statements if statement_kind(e) == "audit-committed")


def test_a_site_that_forgets_its_noise_fails_its_audit(folder: Path) -> None:
    judged = audit(folder, (sys.executable, "-m", "tests.site_that_forgets_noise"))
    assert judged.verdict == "fail"
    assert judged.numbers["noise_multiplier_seen"] < 0.1
    assert failures([judged])[0].startswith(f"commit-reveal of {SITE} failed: ")


def test_the_right_site_passes_the_same_audit(folder: Path) -> None:
    judged = audit(folder, SITE_PROGRAM)
    assert (judged.verdict, failures([judged])) == ("pass", [])
