"""Options that several command lines of the coordinator have in common."""

import click

PORT = click.IntRange(1, 65535)

workspace_option = click.option(
    "--workspace",
    envvar="FEDCLINIC_WORKSPACE",
    metavar="DIR",
    help="Folder of keys, runs, models, logs and stores.  [default: ./workspace]",
)
