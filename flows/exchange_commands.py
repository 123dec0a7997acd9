"""`fedclinic up`, `fedclinic site ...` and `fedclinic status`: running an exchange."""

import time
from pathlib import Path

import click
from rich.console import Console

from fedclinic.errors import ConfigError
from flows.command_options import PORT, workspace_option
from flows.settings import Workspace, open_workspace, set_tool_environment


@click.command()
@click.option("--host", default="0.0.0.0", show_default=True, help="Where the exchange listens.")  # noqa: S104
@click.option("--port", type=PORT, default=8443, show_default=True)
@click.option("--url", help="Address that sites use.  [default: https://localhost:PORT]")
@click.option("--certificate", type=click.Path(path_type=Path), help="Your own, PEM.")
@click.option("--key", type=click.Path(path_type=Path), help="Of --certificate, PEM.")
@click.option("--authority", type=click.Path(path_type=Path), help="That sites pin, PEM.")
@click.option("--plain", is_flag=True, help="No TLS here: a reverse proxy ends it.")
@click.option("--only-exchange", is_flag=True, help="Prefect and MLflow run elsewhere.")
@click.option("--prefect-port", type=PORT, default=4200, show_default=True)
@click.option("--mlflow-port", type=PORT, default=5000, show_default=True)
@click.option("--limits", default="{}", hidden=True)
@workspace_option
def up(  # noqa: PLR0913, PLR0917 - one a command-line option
    host: str,
    port: int,
    url: str | None,
    certificate: Path | None,
    key: Path | None,
    authority: Path | None,
    plain: bool,
    only_exchange: bool,
    prefect_port: int,
    mlflow_port: int,
    limits: str,
    workspace: str | None,
) -> None:
    """Start the exchange, Prefect and MLflow; only the exchange is reachable from outside."""
    from flows.exchange.serving import ExchangePlace, exchange_server  # noqa: PLC0415
    from flows.services import mlflow_server, prefect_server, run_servers  # noqa: PLC0415

    space = open_workspace(workspace)
    set_tool_environment(space)
    if (certificate is None) != (key is None):
        raise ConfigError("--certificate and --key are given together")
    place = ExchangePlace(host, port, url or f"https://localhost:{port}", plain)
    exchange, address = exchange_server(space, place, (certificate, key, authority), limits)
    servers = [exchange]
    if not only_exchange:
        servers += [prefect_server(space, prefect_port), mlflow_server(space, mlflow_port)]

    def ready() -> None:
        click.echo(f"exchange  {address.url}  (listens on {host}:{port})")
        if not only_exchange:
            click.echo(f"Prefect   http://127.0.0.1:{prefect_port}")
            click.echo(f"MLflow    http://127.0.0.1:{mlflow_port}  (account: {space.root}/keys)")
        click.echo(f"Logs in {space.root / 'logs'}. Ctrl-C ends all of it.")

    run_servers(servers, space.root / "logs", ready)


@click.group()
def site() -> None:
    """Invite, list and revoke the sites of the exchange."""


@site.command()
@click.argument("name")
@click.option("--hours", type=click.FloatRange(min=0.1, max=24 * 30), default=72.0)
@workspace_option
def invite(name: str, hours: float, workspace: str | None) -> None:
    """Print a one-time token with which site NAME joins."""
    from flows.exchange.administration import invite_site  # noqa: PLC0415

    click.echo(invite_site(_with_exchange(workspace), name, hours))
    click.echo(f"Good once, for {hours:g} hours. At the site: fedclinic-site join TOKEN", err=True)


@site.command("list")
@workspace_option
def list_sites(workspace: str | None) -> None:
    """Print who has joined, with which key, and who is invited."""
    from flows.exchange.administration import site_table  # noqa: PLC0415

    Console().print(site_table(_with_exchange(workspace)))


@site.command()
@click.argument("name")
@workspace_option
def revoke(name: str, workspace: str | None) -> None:
    """Accept nothing more from site NAME, from now on."""
    from flows.exchange.administration import revoke_site  # noqa: PLC0415

    revoke_site(_with_exchange(workspace), name)
    click.echo(f"the key of site {name} is revoked; invite it again to let it back in")


@click.command()
@click.option("--watch", is_flag=True, help="Again every two seconds, until Ctrl-C.")
@workspace_option
def status(watch: bool, workspace: str | None) -> None:
    """Show each site: last seen, version, round, progress, budget left, refusals."""
    from flows.exchange.administration import status_table  # noqa: PLC0415

    space = _with_exchange(workspace)
    console = Console()
    while True:
        if watch:
            console.clear()
        console.print(status_table(space))
        if not watch:
            return
        time.sleep(2)


def _with_exchange(workspace: str | None) -> Workspace:
    """The workspace, if it has an exchange: to look into another folder makes none there.

    Raises:
        ConfigError: if none was ever started in it.
    """
    from flows.exchange.address import read_address  # noqa: PLC0415

    space = open_workspace(workspace)
    try:
        read_address(space.root / "exchange")
    except ConfigError:
        raise ConfigError(
            f"no exchange was ever started in {space.root}: name the coordinator's folder with "
            "--workspace, or start one with fedclinic up"
        ) from None
    return space


def add_exchange_commands(group: click.Group) -> None:
    for command in (up, site, status):
        group.add_command(command)
