"""How each of our command lines ends: a mistake is one line on standard error and an exit code."""

import sys

import click

from fedclinic.errors import FedclinicError

EXIT_USER_MISTAKE = 2
EXIT_INTERRUPTED = 130


def run_command(command: click.Command, name: str) -> None:
    """Run a command line that calls itself `name`; what is no user's mistake is raised as it is."""
    try:
        command(standalone_mode=False, prog_name=name)
    except FedclinicError as error:
        _end(name, str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(EXIT_USER_MISTAKE)
    except click.UsageError as error:
        asked = error.ctx.command_path if error.ctx is not None else name
        _end(asked, f"{' '.join(error.format_message().split())} See {asked} --help")
    except click.ClickException as error:
        _end(name, error.format_message())
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _end(name, f"{where}{error.strerror or type(error).__name__}")
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"{name}: stopped", err=True)
        sys.exit(EXIT_INTERRUPTED)


def _end(name: str, mistake: str) -> None:
    click.echo(f"{name}: {mistake}", err=True)
    sys.exit(EXIT_USER_MISTAKE)
