"""`local` with a `task_runner`: each task starts its site's process where Prefect's runner puts it.

For sites that are simulated on one machine or cluster of one owner. The runner's workers reach the
workspace and the notes by the same paths as the coordinator. Tasks are few and coarse: a task costs
some seconds, which go to starting the site.
"""

import threading
from contextlib import AbstractContextManager
from contextvars import Context
from types import TracebackType
from typing import Any, Self

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.futures import PrefectFuture
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner

from fedclinic.answers import Answer
from fedclinic.errors import ConfigError, RunError
from fedclinic.evidence.keys import VerifyKey
from fedclinic.evidence.statement import Envelope
from fedclinic.local_protocol import Counted, Progress
from fedclinic.plan import FederationPlan
from fedclinic.records import PublicKey, Record
from fedclinic.transports import LocalTransport
from flows.settings import Workspace
from flows.sites import EVALUATION_SITE, Sites
from flows.sites.local import LocalSites


class Errand(Record):
    """What a worker of the runner is told: all of it plain values."""

    plan: FederationPlan
    workspace: str
    data: str
    coordinator: str
    site: str
    task: Envelope


class Done(Record):
    """What it brings back."""

    key: PublicKey
    answer: Answer


class _Nobody:
    def progress(self, site: str, progress: Progress) -> None: ...

    def counted(self, site: str, counted: Counted) -> None: ...


@task(name="site on a worker", cache_policy=NO_CACHE, persist_result=False, retries=0)
def run_errand(errand: str) -> str:
    """Start the site's process, give it the task, and end it again.

    Raises:
        RunError: if the site gave no answer.
    """
    from pathlib import Path  # noqa: PLC0415 - what a worker unpickles brings its own names

    given = Errand.model_validate_json(errand)
    space = Workspace(Path(given.workspace))
    with LocalSites(given.plan, space, given.data, given.coordinator, _Nobody()) as sites:
        answer = sites.submit(given.site, given.task)
        return Done(key=sites.key(given.site).raw.hex(), answer=answer).model_dump_json()


class ClusterSites:
    """The sites of a plan whose tasks a task runner carries to its workers."""

    def __init__(self, errand: dict[str, Any], runner: TaskRunner[Any], evaluation: Sites) -> None:
        self._errand = errand
        self._runner = runner
        self._evaluation = evaluation
        self._keys: dict[str, VerifyKey] = {}
        self._submitting = threading.Lock()

    def __enter__(self) -> Self:
        with get_client(sync_client=True) as client:
            self._api = str(client.api_url).rstrip("/")
        self._opened: AbstractContextManager[Any] = self._runner
        self._opened.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, traceback)

    def submit(self, site: str, task: Envelope) -> Answer:
        if site == EVALUATION_SITE:
            return self._evaluation.submit(site, task)
        errand = Errand.model_validate(self._errand | {"site": site, "task": task})
        try:
            with self._submitting:
                future = Context().run(self._submit, errand.model_dump_json())
            done = Done.model_validate_json(future.result())
        except RunError:
            raise
        except Exception as error:  # a worker that died, or a runner that lost it
            raise RunError(f"site {site}: its worker failed ({type(error).__name__})") from None
        self._keys[site] = VerifyKey(bytes.fromhex(done.key))
        return done.answer

    def _submit(self, errand: str) -> PrefectFuture[str]:
        """Submit outside of the flow's context, which a runner would pickle with all it holds.

        Workers report to the coordinator's own API, or each would start one.
        """
        with temporary_settings({PREFECT_API_URL: self._api}):
            future: PrefectFuture[str] = self._runner.submit(run_errand, {"errand": errand})
        return future

    def key(self, site: str) -> VerifyKey:
        if site == EVALUATION_SITE:
            return self._evaluation.key(site)
        try:
            return self._keys[site]
        except KeyError:
            raise RunError(f"site {site} has not said its key yet") from None


def make_runner(transport: LocalTransport, sites: int) -> TaskRunner[Any]:
    """The task runner that a plan names, of Prefect's own integrations.

    Raises:
        ConfigError: if its package is not installed.
    """
    at_once = transport.parallel or sites
    try:
        match transport.task_runner:
            case "dask":
                return _dask(transport.cluster, at_once)
            case "ray":
                return _ray(transport.cluster, at_once)
            case _:
                return ProcessPoolTaskRunner(max_workers=at_once)
    except ImportError:
        name = transport.task_runner
        raise ConfigError(
            f"transport.task_runner {name}: prefect-{name} is not installed; "
            f"pip install 'fedclinic[{name}]'"
        ) from None


def _dask(cluster: str | None, at_once: int) -> TaskRunner[Any]:
    from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415 - an optional extra

    own = {
        "n_workers": at_once,
        "threads_per_worker": 1,
        "dashboard_address": None,
        "host": "127.0.0.1",
    }
    runner: TaskRunner[Any] = (
        DaskTaskRunner(cluster_kwargs=own) if cluster is None else DaskTaskRunner(address=cluster)
    )
    return runner


def _ray(cluster: str | None, at_once: int) -> TaskRunner[Any]:
    from prefect_ray.task_runners import RayTaskRunner  # noqa: PLC0415 - an optional extra

    own = {"num_cpus": at_once, "include_dashboard": False, "log_to_driver": False}
    runner: TaskRunner[Any] = (
        RayTaskRunner(init_kwargs=own) if cluster is None else RayTaskRunner(address=cluster)
    )
    return runner
