"""The transport `prefect` with a real server, and a worker against whoever holds its credential."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from fedclinic.answers import Answer
from fedclinic.evidence.events import SiteJoined
from fedclinic.evidence.statement import Envelope, open_record, sign, statement_kind
from fedclinic.plan import FederationPlan
from fedclinic.rounds import (
    PREPARE_KIND,
    PREPARED_KIND,
    REPORT_KIND,
    TASK_KIND,
    PrepareTask,
    RoundTask,
    SitePrepared,
    SiteReport,
)
from fedclinic.updates.blobs import BlobFolder
from flows.coordinator_key import load_coordinator_key
from flows.cosigning import cosign_log
from flows.federation_log import FederationLog, LogFolder
from flows.plan_file import calibrate
from flows.rounds import work_of
from flows.settings import Workspace
from flows.sites.work_pools import WorkPoolSites
from site_agent.opening import open_site
from site_agent.site_home import SiteHome
from site_agent.synthesize import write_cohort
from site_agent.task_handler import TaskHandler
from tests.end_to_end.conftest import plan_document, site_document
from tests.end_to_end.hospitals import children_of
from tests.prefect_stage import PATIENCE, PrefectStage, transport_of, write_yaml
from tests.site_with_known_noise import known_noise

KNOWN_NOISE = "tests.worker_with_known_noise"
CANARY = "Zebedeus Quackenbosch"
"""A name that is in every note of the site and nowhere else."""


@dataclass
class Federation:
    stage: PrefectStage
    plan: FederationPlan
    sites: WorkPoolSites

    def task(self, kind: str, **changes: Any) -> Envelope:
        common = {
            "run": "trial",
            "site": "north",
            "plan_digest": self.plan.digest(),
            "nonce": f"{time.monotonic_ns():032x}",
            "deadline": time.time() + 600,
        }
        if kind == PREPARE_KIND:
            parts = {
                "task": self.plan.task,
                "base_model": self.plan.base_model,
                "layers": self.plan.layers,
            }
            record = PrepareTask.model_validate(common | parts | changes)
        else:
            parts = {"round_number": 1, "work": work_of(self.plan), "state": None}
            record = RoundTask.model_validate(common | parts | changes)
        return sign(record, kind, load_coordinator_key(self.stage.workspace))

    def opened(self, answer: Answer, kind: str, record: Any) -> Any:
        key = self.sites.key("north")
        return open_record(answer.last, {key.key_id: key}, kind, record)

    def deployment(self) -> dict[str, Any]:
        """The site's own deployment at the server."""
        (found,) = [
            each
            for each in self.stage.request("POST", "/deployments/filter", json={})
            if each["name"] == "north"
        ]
        return found

    def run_directly(self, deployment: str, parameters: dict[str, Any], **more: Any) -> Any:
        """Make a run as any holder of the credential may, and wait for its end."""
        content = {"state": {"type": "SCHEDULED"}, "parameters": parameters} | more
        run = self.stage.request(
            "POST", f"/deployments/{deployment}/create_flow_run", json=content
        )["id"]
        return self.ended(run)

    def runs(self) -> dict[str, str]:
        """Types of the states of all runs of the site's pool."""
        wanted = {"work_pools": {"name": {"any_": ["north"]}}}
        found = self.stage.request("POST", "/flow_runs/filter", json=wanted)
        return {run["id"]: run["state_type"] for run in found}

    def ended(self, run: str) -> Any:
        final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")

        def state() -> Any:
            return self.stage.request("GET", f"/flow_runs/{run}")["state"]

        self.stage.wait_until(lambda: state()["type"] in final, "the run ends")
        return state()


@pytest.fixture(scope="module")
def federation(
    tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path
) -> Iterator[Federation]:
    stage = PrefectStage(tmp_path_factory.mktemp("prefect"))
    write_cohort(
        stage.root / "notes", hospitals=["north"], patients=12, test_patients=2, alpha=1.0, seed=3
    )
    notes = stage.root / "notes" / "north.jsonl"
    notes.write_text(notes.read_text().replace('"text": "', f'"text": "{CANARY} was seen. '))
    site = site_document("{site}", str(notes), tiny_model_folder, evaluation=False)
    site["worker"] = {"api": stage.api, "blobs": stage.blobs}
    config = write_yaml(stage.root / "site.yaml", site)
    document = plan_document() | {
        "sites": [{"name": "north", "weight": 1}],
        "quorum": 1,
        "transport": transport_of(stage, ("north",)),
    }
    plan = calibrate(FederationPlan.model_validate(document))
    try:
        stage.start_server()
        settings = {PREFECT_API_URL: stage.api, PREFECT_API_AUTH_STRING: stage.password}
        with (
            temporary_settings(settings),
            WorkPoolSites(plan, plan.transport, stage.workspace, None) as sites,
        ):
            stage.start_worker("north", config, KNOWN_NOISE)
            yield Federation(stage, plan, sites)
    finally:
        stage.stop()


@pytest.fixture(scope="module")
def prepared(federation: Federation) -> Answer:
    return federation.sites.submit("north", federation.task(PREPARE_KIND))


def in_this_process(federation: Federation, task: Envelope, copy: Path) -> Answer:
    """What the same site answers, from a copy of its home, without any transport."""
    home = SiteHome(copy / "north")
    shutil.copytree(federation.stage.home("north").root, home.root)
    values = {"site": "north", "coordinator": federation.stage.coordinator()}
    site = open_site(federation.stage.root / "site.yaml", home, values)
    noise = known_noise(home.root)
    return TaskHandler(site, BlobFolder(copy), lambda _: None, time.time, noise).handle(task)


def test_a_site_trains_as_a_run_of_its_pool_bit_for_bit_as_without(federation, prepared, tmp_path):
    assert federation.opened(prepared, PREPARED_KIND, SitePrepared).site == "north"
    task = federation.task(TASK_KIND)
    alone = federation.opened(in_this_process(federation, task, tmp_path), REPORT_KIND, SiteReport)
    answer = federation.sites.submit("north", task)
    report = federation.opened(answer, REPORT_KIND, SiteReport)
    assert report.status == "completed"
    assert report.update == alone.update
    assert "budget-committed" in [statement_kind(event) for event in answer.events]
    assert federation.stage.workspace.blobs.joinpath(
        report.update.blob.removeprefix("sha256:")
    ).is_file()


def test_a_site_cosigns_a_log_that_grew_and_never_a_second_history(federation, prepared, tmp_path):
    key = load_coordinator_key(federation.stage.workspace)
    north = federation.sites.key("north").raw.hex()

    def cosigned_by(log: FederationLog) -> tuple[str, ...]:
        return cosign_log(federation.sites, log, "trial", key, ("north",))

    log = FederationLog(federation.stage.workspace, "tiny", key)
    for at in (1.0, 2.0):
        log.state(SiteJoined(at=at, site=f"site-{at:.0f}", public_key=north))
        assert cosigned_by(log) == ("north",)
    log.accept(SiteJoined(at=3.0, site="north", public_key=north))
    assert cosigned_by(log) == ("north",)
    checkpoint, head = log.cosigned()
    assert (log.witnesses(checkpoint), head.size) == (("north",), 3)
    other = Workspace(tmp_path)
    LogFolder(other.logs / "tiny").root.mkdir(parents=True)
    LogFolder(other.logs / "tiny").origin.write_text(log.origin)
    second = FederationLog(other, "tiny", key)
    for at in range(4):
        second.state(SiteJoined(at=1.0, site=f"other-{at}", public_key=north))
    assert cosigned_by(second) == ()


def test_what_the_server_rewrites_runs_nowhere_and_changes_no_answer(federation, prepared):
    trap = federation.stage.root / "trap"
    command = f"touch {trap}"
    steps = [{"prefect.deployments.steps.run_shell_script": {"script": command}}]
    evil = federation.stage.root / "evil.py"
    evil.write_text(f"import os\nos.system({command!r})\ndef f(): pass\n")
    environment = {"PYTHONPATH": str(evil.parent), "LD_PRELOAD": "/evil.so"}
    variables = {"command": command, "env": environment}
    template = {
        "job_configuration": {"command": "{{ command }}", "env": "{{ env }}"},
        "variables": {
            "type": "object",
            "properties": {
                "command": {"type": "string", "default": command},
                "env": {"type": "object", "default": environment},
            },
        },
    }
    stage, deployment = federation.stage, federation.deployment()["id"]
    stage.request("PATCH", "/work_pools/north", json={"base_job_template": template})
    rewritten = {"pull_steps": steps, "entrypoint": f"{evil}:f", "path": str(evil.parent)}
    stage.request("PATCH", f"/deployments/{deployment}", json=rewritten)
    task = federation.task(PREPARE_KIND).model_dump(mode="json")
    state = federation.run_directly(deployment, {"task": task}, job_variables=variables)
    assert state["type"] == "COMPLETED"
    assert federation.opened(
        Answer.model_validate_json(state["message"]), PREPARED_KIND, SitePrepared
    )
    assert not trap.exists()


def test_a_flow_that_is_not_the_agents_crashes_before_it_starts(federation, prepared):
    trap = federation.stage.root / "trap-of-a-flow"
    stage = federation.stage
    flow = stage.request("POST", "/flows/", json={"name": "evil"})["id"]
    steps = [{"prefect.deployments.steps.run_shell_script": {"script": f"touch {trap}"}}]
    made = stage.request(
        "POST",
        "/deployments/",
        json={"name": "x", "flow_id": flow, "work_pool_name": "north", "pull_steps": steps},
    )
    state = federation.run_directly(made["id"], {"task": {}})
    assert (state["type"], trap.exists()) == ("CRASHED", False)
    assert "not one of this agent" in state["message"]


def test_a_task_of_nobody_that_the_site_trusts_crashes_before_it_starts(federation, prepared):
    task = federation.task(PREPARE_KIND)
    forged = task.model_dump(mode="json") | {"payload": task.payload[:-4] + "AAA="}
    state = federation.run_directly(federation.deployment()["id"], {"task": forged})
    assert state["type"] == "CRASHED"
    assert "trusted coordinator" in state["message"]


def test_a_task_whose_worker_is_killed_in_the_middle_is_done_again_by_the_next(
    federation, prepared
):
    stage = federation.stage
    before = set(federation.runs())
    children = children_of(stage.processes["worker north"].pid)
    assert children
    for child in children:
        os.kill(child, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as thread:
        task = federation.task(PREPARE_KIND)
        asked = thread.submit(copy_context().run, federation.sites.submit, "north", task)

        def taken() -> set[str]:
            runs = federation.runs()
            return {run for run in runs.keys() - before if runs[run] in ("PENDING", "RUNNING")}

        stage.wait_until(taken, "the worker has taken the run")
        (killed,) = taken()
        stage.kill("worker north")
        gone = [Path(f"/proc/{child}") for child in children]
        stage.wait_until(lambda: not any(map(Path.exists, gone)), "its children are gone")
        stage.start_worker("north", stage.root / "site.yaml", KNOWN_NOISE)
        answer = asked.result(timeout=PATIENCE)
    assert federation.opened(answer, PREPARED_KIND, SitePrepared).site == "north"
    state = federation.ended(killed)
    assert (state["type"], "started again" in state["message"]) == ("CRASHED", True)


def test_nothing_private_is_in_the_servers_database_or_the_workers_output(federation, prepared):
    stage = federation.stage
    kept = b"".join(path.read_bytes() for path in stage.database.parent.glob("prefect.db*"))
    assert b"site-task" in kept
    text = (stage.root / "notes" / "north.jsonl").read_text()
    assert text.count(CANARY) >= 12
    for private in (CANARY, "Quackenbosch", "was seen"):
        assert private.encode() not in kept
        assert private not in stage.log("worker north")
