"""`fedclinic deploy` and `fedclinic serve`: federations on a Prefect server, on schedule."""

import os
from pathlib import Path

import click
from rich.console import Console

from fedclinic.errors import ConfigError
from flows.accounts import enter_workspace
from flows.command_options import workspace_option
from flows.settings import Workspace, open_workspace, use_prefect_server


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--data", default=".", show_default=True, help="What {data} stands for in site.yaml.")
@workspace_option
def deploy(plan: Path, data: str, workspace: str | None) -> None:
    """Make or update the Prefect deployment of PLAN: its schedule, and one run at a time."""
    from flows.deployed import Deployed  # noqa: PLC0415 - keeps --help quick
    from flows.plan_file import load_plan  # noqa: PLC0415

    loaded = load_plan(plan)
    if not Path(data).is_dir():
        raise ConfigError(f"no folder {data}: --data names the folder that holds the sites' notes")
    space = _open(workspace)
    use_prefect_server(loaded.transport)
    api = _server()
    from flows.deployment import deploy as make  # noqa: PLC0415 - after the settings

    make(space, loaded, Deployed(plan=str(plan.resolve()), data=str(Path(data).resolve())), api)
    schedule = loaded.schedule
    when = f"{schedule.cron} ({schedule.timezone})" if schedule else "when somebody starts it"
    show = Console().print
    show(f"federation {loaded.federation} is deployed on {api}", highlight=False, soft_wrap=True)
    show(f"runs            {when}; one at a time", highlight=False)
    show(
        f"carried out by  fedclinic serve --workspace {space.root}", highlight=False, soft_wrap=True
    )


@click.command()
@workspace_option
def serve(workspace: str | None) -> None:
    """Run this workspace's deployed federations when they are due, until Ctrl-C."""
    from flows.deployed import deployed_names, read_deployed  # noqa: PLC0415
    from flows.plan_file import load_plan  # noqa: PLC0415

    space = _open(workspace)
    for name in deployed_names(space):
        use_prefect_server(load_plan(Path(read_deployed(space, name).plan)).transport)
    _server()
    from flows.deployment import serve_deployed  # noqa: PLC0415 - after the settings

    serve_deployed(space)


def _open(workspace: str | None) -> Workspace:
    space = open_workspace(workspace)
    enter_workspace(space)
    return space


def _server() -> str:
    api = os.environ.get("PREFECT_API_URL")
    if not api:
        raise ConfigError(
            "a deployment needs a Prefect server: set PREFECT_API_URL, such as "
            "http://127.0.0.1:4200/api of fedclinic ui or fedclinic up"
        )
    return api


def add_prefect_commands(group: click.Group) -> None:
    for command in (deploy, serve):
        group.add_command(command)
