"""Where a site's tasks run: threads of one process, or the Dask or Ray that site.yaml names."""

import importlib
import logging
from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from fedclinic.errors import ConfigError
from site_agent.settings import TaskRunnerChoice


def task_runner(choice: TaskRunnerChoice, processes: int) -> TaskRunner[Any]:
    """Threads that wait for detection processes, or the cluster that site.yaml names.

    Raises:
        ConfigError: if the integration is not installed.
    """
    try:
        if choice.kind == "dask":
            return _dask(choice, processes)
        if choice.kind == "ray":
            return _ray(choice, processes)
    except ImportError:
        raise ConfigError(
            f"task_runner.kind is {choice.kind}: pip install 'prefect-{choice.kind}'"
        ) from None
    return ThreadPoolTaskRunner(max_workers=processes)


def _dask(choice: TaskRunnerChoice, processes: int) -> TaskRunner[Any]:
    runner: Any = importlib.import_module("prefect_dask").DaskTaskRunner
    logging.getLogger("distributed").setLevel(logging.ERROR)
    local = {
        "n_workers": processes,
        "threads_per_worker": 1,
        "dashboard_address": None,
        "silence_logs": logging.ERROR,
    }
    made: TaskRunner[Any] = (
        runner(cluster_kwargs=local) if choice.address is None else runner(address=choice.address)
    )
    return made


def _ray(choice: TaskRunnerChoice, processes: int) -> TaskRunner[Any]:
    runner: Any = importlib.import_module("prefect_ray").RayTaskRunner
    local = {"num_cpus": processes, "include_dashboard": False}
    made: TaskRunner[Any] = (
        runner(init_kwargs=local) if choice.address is None else runner(address=choice.address)
    )
    return made
