"""The option by which a command line is told where the coordinator keeps its files."""

import click

workspace_option = click.option(
    "--workspace",
    envvar="FEDCLINIC_WORKSPACE",
    metavar="DIR",
    help="Folder of keys, runs, models, logs and stores.  [default: ./workspace]",
)
