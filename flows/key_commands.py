"""`fedclinic key ...`: the key with which the coordinator signs, and the one that comes next."""

import click
from rich.console import Console

from flows.command_options import workspace_option
from flows.settings import open_workspace


@click.group()
def key() -> None:
    """Show and change the key with which the coordinator signs."""


@key.command()
@workspace_option
def show(workspace: str | None) -> None:
    """Print the public key that is in force, as site.yaml names it."""
    from flows.coordinator_key import load_coordinator_key, public_text  # noqa: PLC0415

    space = open_workspace(workspace)
    if not space.signing_key.is_file():
        click.echo(f"{space.root} had no coordinator's key: this one is new", err=True)
    click.echo(public_text(load_coordinator_key(space)))


@key.command("next")
@workspace_option
def next_key(workspace: str | None) -> None:
    """Print the key that comes next; sites add it to permissions.coordinators."""
    from flows.coordinator_key import public_text  # noqa: PLC0415
    from flows.key_rotation import next_coordinator_key  # noqa: PLC0415

    click.echo(public_text(next_coordinator_key(open_workspace(workspace))))
    click.echo("When every site allows it beside the old one: fedclinic key rotate", err=True)


@key.command()
@workspace_option
def rotate(workspace: str | None) -> None:
    """Put the next key in force, and say so in the log of every federation."""
    from flows.coordinator_key import public_text  # noqa: PLC0415
    from flows.key_rotation import rotate_coordinator_key, unfinished_runs  # noqa: PLC0415

    space = open_workspace(workspace)
    fresh = rotate_coordinator_key(space)
    say = Console().print
    say(f"in force: {public_text(fresh)}", highlight=False, soft_wrap=True)
    say("start fedclinic up again; sites may now take the old key out of site.yaml")
    for run in unfinished_runs(space):
        say(f"run {run} was not finished and cannot be gone on with: start it anew", soft_wrap=True)
