"""Start the site's worker: settings first, then Prefect, then the server, each explained."""

import sys
from collections.abc import Mapping
from pathlib import Path

from fedclinic.errors import ConfigError
from site_agent.prefect_environment import enter_prefect, environment_of_child, prefect_variables
from site_agent.settings import SiteConfig, Worker, load_site_config
from site_agent.site_home import SiteHome

PROGRAM = (sys.executable, "-m", "site_agent", "work-one-task")
"""The one program that the worker ever starts: this package's own."""


def start_worker(
    path: Path,
    home: Path,
    substitutions: Mapping[str, str],
    program: tuple[str, ...] = PROGRAM,
) -> None:
    """Poll the site's work pool until the process is told to end.

    Raises:
        ConfigError: if site.yaml has no worker section, or its server or pool is not there.
    """
    config = load_site_config(path, substitutions)
    if config.worker is None:
        raise ConfigError(
            f"{path}: no worker section; transport prefect needs worker.api and worker.blobs"
        )
    command = (*program, *_arguments(path.resolve(), home.resolve(), substitutions))
    folder = SiteHome(home.resolve()).prefect
    enter_prefect(folder, config.worker.api, config.worker.certificate)
    from site_agent.worker import WorkerSite, check_pool, work  # noqa: PLC0415 - needs it set

    pool = config.worker.pool or config.site
    check_pool(pool, config.worker.api)
    site = WorkerSite(config, command, _environment(folder, config, config.worker))
    work(site, pool)


def _environment(folder: Path, config: SiteConfig, worker: Worker) -> dict[str, str]:
    return environment_of_child() | prefect_variables(folder, worker.api, worker.certificate)


def _arguments(path: Path, home: Path, substitutions: Mapping[str, str]) -> list[str]:
    arguments = ["--config", str(path), "--home", str(home)]
    for name, value in substitutions.items():
        arguments += ["--set", f"{name}={value}"]
    return arguments
