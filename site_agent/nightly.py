"""De-identification on a schedule of the hospital's own Prefect server, told by its end alone."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectException
from prefect.schedules import Schedule
from prefect.states import Completed, Failed

from fedclinic.errors import ConfigError, ErrorCode
from site_agent.prefect_environment import environment_of_child
from site_agent.site_flows import DEIDENTIFICATION, send_no_events

COMMAND_VARIABLE = "FEDCLINIC_NIGHTLY"
"""How a run's process learns what to run: from the process that serves it, not from the server."""
MISTAKE = 2
"""The exit code of a command that explained itself."""


@flow(name=DEIDENTIFICATION, persist_result=False, validate_parameters=False, retries=0)
def nightly_deidentification() -> State[None]:
    """Run `fedclinic-site deid run` in a process of its own; its output goes to the site's log."""
    given = json.loads(os.environ[COMMAND_VARIABLE])
    with Path(given["log"]).open("ab") as log:
        done = subprocess.run(
            given["command"],
            env=environment_of_child(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
        )
    if done.returncode == 0:
        return Completed(message="done")
    code = ErrorCode.DEIDENTIFICATION if done.returncode == MISTAKE else ErrorCode.UNEXPECTED
    return Failed(message=code.value)


def command_of(config: Path, home: Path, values: Mapping[str, str], plan: Path | None) -> list[str]:
    command = [sys.executable, "-m", "site_agent", "deid", "run"]
    command += ["--config", str(config.resolve()), "--home", str(home.resolve())]
    for name, value in values.items():
        command += ["--set", f"{name}={value}"]
    return command if plan is None else [*command, "--plan", str(plan.resolve())]


def serve_nightly(site: str, command: list[str], log: Path, schedule: Schedule, api: str) -> None:
    """Wait for the schedule and run what is due, until the process is ended.

    Raises:
        ConfigError: if the server cannot be reached or refuses.
    """
    os.environ[COMMAND_VARIABLE] = json.dumps({"command": command, "log": str(log)})
    send_no_events()
    served: Any = nightly_deidentification
    try:
        served.serve(
            name=site,
            schedule=schedule,
            limit=1,
            pause_on_shutdown=False,
            print_starting_message=False,
            description="New and changed notes; the flow has no parameters.",
        )
    except (httpx.HTTPError, PrefectException, RuntimeError) as error:
        raise ConfigError(f"{api} cannot be used ({type(error).__name__})") from None
