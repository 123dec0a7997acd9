"""What a site's worker accepts of a run: a flow of ours and a signed task, and no word more."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import InfrastructureNotFound
from prefect.states import Cancelling, Pending, Running

from fedclinic.errors import PolicyError
from fedclinic.evidence.statement import sign
from fedclinic.rounds import TASK_KIND
from site_agent.settings import SiteConfig
from site_agent.worker import NoConfiguration, SiteWorker, WorkerSite
from tests.factories import make_round_task, make_signing_key, site_values
from tests.tiny_site import COORDINATOR, public_text

TASK = make_round_task(site="north")
SIGNED = sign(TASK, TASK_KIND, COORDINATOR).model_dump(mode="json")
STRANGERS = sign(TASK, TASK_KIND, make_signing_key(9)).model_dump(mode="json")
OTHER_KIND = sign(TASK, "shell-command", COORDINATOR).model_dump(mode="json")
CHANGED = SIGNED | {"payload": SIGNED["payload"][:-8] + "AAAAAAA="}
NOTE = "Jan Jansen, born 1961-02-03"


@dataclass
class FakeServer:
    """The few calls that a worker makes, answered from memory."""

    flow: str = "site-task"
    runs: list[FlowRun] = field(default_factory=list)
    states: dict[UUID, Any] = field(default_factory=dict)

    async def read_flow(self, flow_id: UUID) -> Any:
        return SimpleNamespace(name=self.flow)

    async def read_flow_runs(self, **_: Any) -> list[FlowRun]:
        return self.runs

    async def set_flow_run_state(self, run: UUID, state: Any, force: bool) -> None:
        self.states[run] = state


def make_run(state: Any = None, **parameters: Any) -> FlowRun:
    return FlowRun(id=uuid4(), flow_id=uuid4(), parameters=parameters, state=state)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def worker(tmp_path: Path, server: FakeServer) -> SiteWorker:
    values = site_values(tmp_path / "notes.jsonl", site="north")
    values["permissions"] |= {"coordinators": [public_text(COORDINATOR)]}
    site = WorkerSite(SiteConfig.model_validate(values), ("false",), {})
    made = SiteWorker(site, "north")
    made._client = server
    return made


def read(worker: SiteWorker, run: FlowRun) -> Any:
    return asyncio.run(worker._read(run))


def test_a_signed_task_of_our_flow_is_accepted_with_its_deadline(worker):
    order, deadline = read(worker, make_run(task=SIGNED))
    assert order.task.model_dump(mode="json") == SIGNED
    assert deadline == TASK.deadline


REFUSED: dict[str, dict[str, Any]] = {
    "no parameter": {},
    "a parameter too many": {"task": SIGNED, "command": "id"},
    "a parameter of another name": {"job": SIGNED},
    "a task that is a text": {"task": NOTE},
    "a field too many": {"task": SIGNED | {"note": NOTE}},
    "a stranger's signature": {"task": STRANGERS},
    "a changed payload": {"task": CHANGED},
    "a kind that the agent does not know": {"task": OTHER_KIND},
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_run_with_anything_else_is_refused_and_not_repeated(worker, what):
    with pytest.raises(PolicyError) as refused:
        read(worker, make_run(**REFUSED[what]))
    assert NOTE not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_flow_that_is_not_of_the_agent_is_refused(worker, server):
    server.flow = "evil"
    with pytest.raises(PolicyError, match="flow is not one of this agent"):
        read(worker, make_run(task=SIGNED))


def test_nothing_that_the_server_configures_reaches_a_run():
    hostile = {
        "client": None,
        "work_pool": SimpleNamespace(base_job_template={"job_configuration": {"command": "id"}}),
        "worker_name": "site north",
        "deployment": SimpleNamespace(
            pull_steps=[{"prefect.deployments.steps.run_shell_script": {"script": "id"}}],
            entrypoint="evil.py:f",
            job_variables={"command": "id", "env": {"LD_PRELOAD": "/evil.so"}},
        ),
    }
    run = make_run(task=SIGNED)
    configuration = asyncio.run(NoConfiguration.resolve_for_flow_run(run, **hostile))
    assert (configuration.command, configuration.env, configuration.name) == (None, {}, None)


def test_a_process_that_is_not_its_own_child_is_never_killed(worker):
    with pytest.raises(InfrastructureNotFound):
        asyncio.run(worker.kill_infrastructure("this-host:1", NoConfiguration()))


def test_a_worker_that_starts_ends_the_runs_that_died_with_the_last_one(worker, server):
    server.runs = [make_run(Running()), make_run(Pending()), make_run(Cancelling())]
    asyncio.run(worker.reconcile(everything=True))
    ended = [server.states[run.id].name for run in server.runs]
    assert ended == ["Crashed", "Crashed", "Cancelled"]


def test_a_worker_leaves_its_own_runs_and_fresh_ones_alone(worker, server):
    old = datetime.now(UTC) - timedelta(minutes=5)
    mine, fresh, forgotten = (
        make_run(Running(timestamp=old)),
        make_run(Pending()),
        make_run(Running(timestamp=old)),
    )
    worker._children[mine.id] = None
    server.runs = [mine, fresh, forgotten]
    asyncio.run(worker.reconcile(everything=False))
    assert set(server.states) == {forgotten.id}
