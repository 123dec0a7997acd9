"""A Prefect worker that runs one thing only: this version's own flow, on tasks that are signed.

Whoever holds the server's credential can rewrite deployments, pull steps, entry points, job
variables and work pool templates. None of that is read here: a run gives the worker a flow's name,
which must be ours, and one parameter, which must be a task that a trusted coordinator signed.
"""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

import anyio.abc
import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, WorkPoolFilter
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import InfrastructureNotFound, ObjectNotFound, PrefectException
from prefect.states import Cancelled, Crashed
from prefect.workers.base import BaseJobConfiguration, BaseWorker, BaseWorkerResult
from pydantic import ValidationError

from fedclinic.errors import ConfigError, FedclinicError, PolicyError
from fedclinic.evidence.statement import Envelope
from site_agent.settings import SiteConfig
from site_agent.site_flows import FLOWS, SITE_TASK, send_no_events
from site_agent.trusted_task import read_task
from site_agent.worker_order import Order

WORKER_TYPE = "fedclinic-site"
PARAMETER = "task"
LOOK_EVERY_SECONDS = 3.0
FORGOTTEN_AFTER = timedelta(seconds=30)
"""A run that this pool holds, that is not ours, and that has not moved for so long is nobody's."""

_OPEN_STATES = ("RUNNING", "PENDING", "CANCELLING")


class NoConfiguration(BaseJobConfiguration):
    """The configuration of every run: none, whatever pool, deployment and run say."""

    @classmethod
    async def resolve_for_flow_run(cls, flow_run: FlowRun, **_: Any) -> Self:
        configuration = cls()
        configuration._related_objects = {"flow-run": flow_run}
        return configuration


class WorkResult(BaseWorkerResult):
    """How a run's process ended."""


@dataclass(frozen=True)
class WorkerSite:
    """What the worker knows of its site: not its notes, which only the child process opens."""

    config: SiteConfig
    command: tuple[str, ...]
    """Starts the child process, which reads an Order from standard input."""
    environment: dict[str, str]
    clock: Callable[[], float] = time.time


class SiteWorker(BaseWorker[NoConfiguration, Any, WorkResult]):
    """Polls the site's work pool and gives its runs, one at a time, to a process of their own."""

    type = WORKER_TYPE
    job_configuration = NoConfiguration
    _description = "Runs only the flow that is part of the site agent, on signed tasks."

    def __init__(self, site: WorkerSite, pool: str) -> None:
        super().__init__(
            work_pool_name=pool,
            name=f"site {site.config.site}",
            limit=1,
            create_pool_if_not_found=False,
        )
        self._site = site
        self._children: dict[UUID, Process | None] = {}
        self._process: Process | None = None
        """Does the site's work; kept between tasks for what it has loaded."""

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        return {
            "job_configuration": {"ignored": True},
            "variables": {"type": "object", "properties": {}},
        }

    async def run(
        self,
        flow_run: FlowRun,
        configuration: NoConfiguration,
        task_status: anyio.abc.TaskStatus[Any] | None = None,
    ) -> WorkResult:
        """Check the run, then do it in a child process until it ends or has to be ended."""
        self._children[flow_run.id] = None
        try:
            order, deadline = await self._read(flow_run)
            child = await self._give(order)
            self._children[flow_run.id] = child
            if task_status is not None:
                task_status.started(_identifier(child))
            reason = await self._watch(flow_run.id, child, deadline)
            if reason is not None:
                await self.client.set_flow_run_state(flow_run.id, reason, force=True)
            lost = reason is None and child.returncode is not None
            return WorkResult(
                status_code=(child.returncode or 1) if lost else 0,
                identifier=_identifier(child),
            )
        finally:
            self._children.pop(flow_run.id, None)

    async def kill_infrastructure(
        self, infrastructure_pid: str, configuration: NoConfiguration, grace_seconds: int = 30
    ) -> None:
        """End a child of this worker; a process id that the server names is only compared."""
        for child in self._children.values():
            if child is not None and _identifier(child) == infrastructure_pid:
                _kill(child)
                return
        raise InfrastructureNotFound("no such run here")

    async def setup(self) -> None:
        await super().setup()
        self._process = await self._start()

    async def teardown(self, *exc_info: Any) -> None:
        if self._process is not None:
            _kill(self._process)
        await super().teardown(*exc_info)

    async def sync_with_backend(self) -> None:
        await super().sync_with_backend()
        if self._has_successfully_synced:
            await self.reconcile(everything=not self.is_setup)

    async def reconcile(self, *, everything: bool) -> None:
        """End, at the server, the pool's runs that died with an earlier worker of this site.

        Right after the start these are all runs that are not ours, since a site has one worker.
        """
        runs = await self.client.read_flow_runs(
            flow_run_filter=FlowRunFilter.model_validate(
                {"state": {"type": {"any_": _OPEN_STATES}}}
            ),
            work_pool_filter=WorkPoolFilter.model_validate(
                {"name": {"any_": [self._work_pool_name]}}
            ),
            limit=50,
        )
        now = datetime.now(UTC)
        for run in runs:
            state = run.state
            if state is None or run.id in self._children or run.id in self._submitting_flow_run_ids:
                continue
            if everything or now - state.timestamp > FORGOTTEN_AFTER:
                await self.client.set_flow_run_state(run.id, _end_of(state), force=True)

    async def _read(self, flow_run: FlowRun) -> tuple[Order, float]:
        """Check all that a run may say; returns the child's order and the time it must end by.

        Raises:
            PolicyError: whose text the server may keep: it repeats nothing.
        """
        name = (await self.client.read_flow(flow_run.flow_id)).name
        if name not in FLOWS or name != SITE_TASK:
            raise PolicyError("the run's flow is not one of this agent")
        if set(flow_run.parameters) != {PARAMETER}:
            raise PolicyError("the run's parameters are not those of the flow")
        try:
            task = Envelope.model_validate(flow_run.parameters[PARAMETER])
            deadline = read_task(task, self._site.config).deadline
        except (ValidationError, FedclinicError):
            raise PolicyError("the run's task is not one of a trusted coordinator") from None
        order = Order(flow_run=flow_run.id, worker=os.getpid(), task=task)
        return order, deadline

    async def _give(self, order: Order) -> Process:
        """Give the order to the work process; one that ended is started again."""
        if self._process is None or self._process.returncode is not None:
            self._process = await self._start()
        child = self._process
        if child.stdin is not None:
            with suppress(ConnectionError):
                child.stdin.write(order.model_dump_json().encode() + b"\n")
                await child.stdin.drain()
        return child

    async def _start(self) -> Process:
        return await asyncio.create_subprocess_exec(
            *self._site.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._site.environment,
            start_new_session=True,
        )

    async def _watch(self, run: UUID, child: Process, deadline: float) -> State[Any] | None:
        """Wait until the child has done its order; returns the state to set if it was killed."""
        if child.stdout is None:
            raise PolicyError("the work process has no pipe")
        said = asyncio.ensure_future(child.stdout.readline())
        while True:
            await asyncio.wait({said}, timeout=LOOK_EVERY_SECONDS)
            if said.done():
                if not said.result():
                    await child.wait()
                return None
            reason = await self._reason_to_end(run, deadline)
            if reason is not None:
                _kill(child)
                await child.wait()
                await said
                return reason

    async def _reason_to_end(self, run: UUID, deadline: float) -> State[Any] | None:
        if self._site.clock() > deadline:
            return Crashed(message="the task's deadline has passed", name="DeadlinePassed")
        try:
            state = (await self.client.read_flow_run(run)).state
        except Exception:  # a server that is away stops nobody's work
            return None
        if state is not None and (state.is_cancelling() or state.is_cancelled()):
            return Cancelled(message="cancelled; the site ended its process")
        return None


def _end_of(state: State[Any]) -> State[Any]:
    if state.is_cancelling():
        return Cancelled(message="the site's worker was started again")
    return Crashed(message="the site's worker was started again while the run was in flight")


def _identifier(child: Process) -> str:
    return f"{os.uname().nodename}:{child.pid}"


def _kill(child: Process) -> None:
    """End the child and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def check_pool(pool: str, api: str) -> None:
    """See that the server answers and has the site's pool.

    Raises:
        ConfigError: saying what is wrong and what to do.
    """
    try:
        with get_client(sync_client=True) as client:
            client.read_work_pool(pool)
    except ObjectNotFound:
        raise ConfigError(
            f"{api} has no work pool '{pool}': the coordinator makes it with fedclinic deploy"
        ) from None
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        hint = "; set PREFECT_API_AUTH_STRING" if status in (401, 403) else ""
        raise ConfigError(f"{api} answers with status {status}{hint}") from None
    except (httpx.HTTPError, PrefectException) as error:
        raise ConfigError(f"{api} cannot be reached ({type(error).__name__})") from None


def work(site: WorkerSite, pool: str) -> None:
    """Poll the pool until the process is told to end."""
    send_no_events()
    worker = SiteWorker(site, pool)
    asyncio.run(worker.start(printer=lambda text: print(text, file=sys.stderr)))
