"""`fedclinic`: what a research engineer types at the coordinator."""

import importlib.util
import logging
import subprocess
import sys
import warnings
from pathlib import Path

import click
from rich.console import Console

from fedclinic.command_line import EXIT_INTERRUPTED, run_command
from fedclinic.errors import ConfigError
from flows.accounts import enter_workspace
from flows.auditing.commands import audit
from flows.command_options import PORT, workspace_option
from flows.exchange_commands import add_exchange_commands
from flows.key_commands import key
from flows.prefect_commands import add_prefect_commands
from flows.settings import Workspace, open_workspace

SITE_PACKAGE = "site_agent"
"""Never imported here: what reads notes runs in a process of its own."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="fedclinic")
def cli() -> None:
    """Coordinate hospitals that train one model on notes which never leave them."""


@cli.command()
@click.option(
    "--patients",
    type=click.IntRange(min=50),
    default=600,
    show_default=True,
    help="Synthetic patients per hospital.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(min=0.01),
    default=0.15,
    show_default=True,
    help="How alike the hospitals are; small means specialised (Dirichlet over labels).",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Another seed, other hospitals; the same seed, the same ones.",
)
@click.option(
    "--compare", is_flag=True, help="Also train without DP, and on all notes in one place."
)
@workspace_option
def demo(patients: int, alpha: float, seed: int, compare: bool, workspace: str | None) -> None:
    """Let four synthetic hospitals train one model together, on this machine."""
    from flows.demo import Cohort, demo_workspace, run_demo  # noqa: PLC0415 - keeps --help quick

    space = demo_workspace(open_workspace(workspace))
    _prepare_tools(space)
    run_demo(space, Console(), Cohort(patients, alpha, seed), everything=compare)


@cli.command()
@click.argument("plan", type=click.Path(path_type=Path), required=False)
@click.option("--data", default=".", show_default=True, help="What {data} stands for in site.yaml.")
@click.option("--resume", metavar="RUN", help="Go on with an interrupted run.")
@click.option(
    "--compare/--no-compare",
    default=True,
    show_default=True,
    help="Also run what the plan compares itself with.",
)
@workspace_option
def train(
    plan: Path | None, data: str, resume: str | None, compare: bool, workspace: str | None
) -> None:
    """Run the federation that PLAN (a federation.yaml) describes."""
    from flows.plan_file import load_plan  # noqa: PLC0415
    from flows.run_store import find_run  # noqa: PLC0415
    from flows.session import Session  # noqa: PLC0415

    if resume is not None:
        store = find_run(open_workspace(workspace), resume)
        session = Session(_open(workspace), Console())
        session.show([session.go_on(store)])
        return
    if plan is None:
        raise ConfigError("name a plan, or a run with --resume")
    loaded = load_plan(plan)
    if not Path(data).is_dir():
        raise ConfigError(f"no folder {data}: --data names the folder that holds the sites' notes")
    session = Session(_open(workspace), Console())
    where = str(Path(data).resolve())
    main_run = session.start(loaded, "Federation", where, "main")
    session.show(session.compare(loaded, main_run, where, everything=compare))


cli.add_command(audit)
cli.add_command(key)


@cli.group("config")
def config_group() -> None:
    """Check configuration files."""


@config_group.command("check")
@click.argument("plan", type=click.Path(path_type=Path))
def config_check(plan: Path) -> None:
    """Check a federation.yaml and say what it will do."""
    from flows.plan_file import load_plan  # noqa: PLC0415
    from flows.plan_summary import print_plan  # noqa: PLC0415

    print_plan(load_plan(plan), Console())


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the pages are shown.")
@click.option("--mlflow-port", type=PORT, default=5000, show_default=True)
@click.option("--prefect-port", type=PORT, default=4200, show_default=True)
@workspace_option
def ui(host: str, mlflow_port: int, prefect_port: int, workspace: str | None) -> None:
    """Show the local stores in MLflow's and Prefect's web pages until Ctrl-C."""
    space = _open(workspace)
    from flows.user_interfaces import serve_user_interfaces  # noqa: PLC0415

    serve_user_interfaces(space, host, mlflow_port, prefect_port)


@cli.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(arguments: tuple[str, ...]) -> None:
    """Measure methods on simulated federations: `fedclinic bench --help`."""
    if importlib.util.find_spec("fedbench") is None:
        raise ConfigError("the benchmark is not installed here: pip install 'fedclinic[bench]'")
    # A process of its own: it reads notes and needs torch, of which this one knows nothing.
    done = subprocess.run([sys.executable, "-P", "-m", "fedbench", *arguments], check=False)
    sys.exit(EXIT_INTERRUPTED if done.returncode < 0 else done.returncode)


add_exchange_commands(cli)
add_prefect_commands(cli)


@cli.group("deid")
def deid_group() -> None:
    """De-identification, which is a site's work."""


@deid_group.command(
    "score", context_settings={"ignore_unknown_options": True, "help_option_names": []}
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def deid_score(arguments: tuple[str, ...]) -> None:
    """Score detection on gold: hands over to fedclinic-site deid score, which reads the notes."""
    if importlib.util.find_spec(SITE_PACKAGE) is None:
        raise ConfigError("scoring reads notes: run it where a site is installed (fedclinic[site])")
    command = [sys.executable, "-m", SITE_PACKAGE, "deid", "score", *arguments]
    sys.exit(subprocess.run(command, check=False).returncode)


def _open(workspace: str | None) -> Workspace:
    space = open_workspace(workspace)
    _prepare_tools(space)
    return space


def _prepare_tools(space: Workspace) -> None:
    """Set the environment before Prefect and MLflow are imported."""
    enter_workspace(space)
    warnings.filterwarnings("ignore")
    logging.getLogger("alembic").setLevel(logging.ERROR)


def main() -> None:
    """Run the command line; a mistake is one line on standard error and exit code 2."""
    run_command(cli, "fedclinic")


if __name__ == "__main__":
    main()
