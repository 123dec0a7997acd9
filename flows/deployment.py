"""A federation as a Prefect deployment: started on schedule or from Prefect's pages, one at a time.

The flow's only parameter is the federation's name, which must be one that was deployed in this
workspace: plan and data are read from there. Whoever can write to Prefect's server can start a
deployed federation, and nothing else.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from prefect import flow, serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import PrefectException
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType
from pydantic import TypeAdapter, ValidationError

from fedclinic.errors import ConfigError, RunError
from fedclinic.plan import FederationPlan
from fedclinic.records import Name
from flows.deployed import Deployed, deployed_names, read_deployed
from flows.plan_file import load_plan
from flows.run_store import RunStore, new_run
from flows.settings import WORKSPACE_VARIABLE, Workspace, open_workspace

_NAME: TypeAdapter[Name] = TypeAdapter(Name)


@flow(name="federation", flow_run_name="{federation}", persist_result=False, retries=0)
def deployed_federation(federation: str) -> str:
    """Run a deployed federation once; an interrupted run of the same plan is gone on with.

    Raises:
        RunError: if the name is not of a deployed one, or it is being run already.
    """
    from flows.train import federated_training  # noqa: PLC0415 - a run's process only

    space = open_workspace(None)
    try:
        deployed = read_deployed(space, _NAME.validate_python(federation))
    except ValidationError:
        raise RunError("no federation of that name is deployed here") from None
    plan = load_plan(Path(deployed.plan))
    with _only_run(space, federation):
        store = _unfinished(space, plan) or new_run(
            space, plan, title="Federation", data=deployed.data, label="main"
        )
        return federated_training(run=store.name, workspace=str(space.root))


def deploy(space: Workspace, plan: FederationPlan, deployed: Deployed, api: str) -> None:
    """Make the federation's deployment on the server, or bring it up to date.

    Raises:
        ConfigError: if the server cannot be reached or refuses.
    """
    try:
        _deployment(plan).apply()
        if plan.transport.kind == "prefect":
            from flows.sites.work_pools import register_sites  # noqa: PLC0415

            register_sites(plan, plan.transport)
    except (httpx.HTTPError, PrefectException, RuntimeError) as error:
        raise ConfigError(
            f"Prefect server {api} did not take the deployment ({type(error).__name__}); is it "
            "up, and is PREFECT_API_AUTH_STRING right?"
        ) from None
    deployed.write(space, plan.federation)


def serve_deployed(space: Workspace) -> None:
    """Run this workspace's deployed federations when they are due, until the process is ended.

    Raises:
        ConfigError: if none is deployed.
    """
    names = deployed_names(space)
    if not names:
        raise ConfigError(f"nothing is deployed in {space.root}: fedclinic deploy PLAN first")
    os.environ[WORKSPACE_VARIABLE] = str(space.root)
    plans = [load_plan(Path(read_deployed(space, name).plan)) for name in names]
    serve(
        *(_deployment(plan) for plan in plans),
        pause_on_shutdown=False,
        print_starting_message=False,
        limit=len(names),
    )


def _deployment(plan: FederationPlan) -> RunnerDeployment:
    schedule = plan.schedule
    made = deployed_federation.to_deployment(
        name=plan.federation,
        parameters={"federation": plan.federation},
        schedule=Cron(schedule.cron, timezone=schedule.timezone) if schedule else None,
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
        ),
        tags=["fedclinic", plan.federation],
        entrypoint_type=EntrypointType.MODULE_PATH,
        description=f"{plan.rounds} rounds over {', '.join(plan.site_names())}",
    )
    if not isinstance(made, RunnerDeployment):
        raise RunError("a deployment is made outside of an event loop")
    return made


@contextmanager
def _only_run(space: Workspace, federation: str) -> Iterator[None]:
    """Hold the federation's lock; the server's own limit does not survive a restart of it."""
    space.runs.mkdir(parents=True, exist_ok=True)
    with (space.runs / f".{federation}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"a run of federation {federation} is going on already") from None
        yield


def _unfinished(space: Workspace, plan: FederationPlan) -> RunStore | None:
    """The newest run of this very plan that was begun by a deployment and has not ended."""
    for folder in sorted(space.runs.glob(f"{plan.federation}-main-*"), reverse=True)[:1]:
        store = RunStore(folder)
        if store.header().plan == plan and not store.is_finished():
            return store
    return None
