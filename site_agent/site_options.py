"""The options of `fedclinic-site` that say which site is meant, and what opens it."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fedclinic.errors import ConfigError

if TYPE_CHECKING:
    from site_agent.opening import OpenSite

PRIVATE = 0o077
"""Ledger, keys, notes and cached activations are for the agent's own user."""


def site_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which site is meant."""
    for option in (
        click.option(
            "--set",
            "substitutions",
            multiple=True,
            metavar="NAME=VALUE",
            help="Text that replaces {NAME} in site.yaml; may be repeated.",
        ),
        click.option(
            "--home",
            type=click.Path(path_type=Path, file_okay=False),
            default=Path("site-home"),
            show_default=True,
            help="Folder of the site's key, ledger and stores.",
        ),
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            default=Path("site.yaml"),
            show_default=True,
            help="The site's configuration.",
        ),
    ):
        command = option(command)
    return command


def open_site_at(config: Path, home: Path, substitutions: tuple[str, ...]) -> "OpenSite":
    """Open the site that the options name; what it writes is for its own user.

    Raises:
        ConfigError: if a document or an option is wrong.
    """
    os.umask(PRIVATE)
    from site_agent.opening import open_site  # noqa: PLC0415 - keeps --help quick
    from site_agent.site_home import SiteHome  # noqa: PLC0415

    return open_site(config, SiteHome(home.resolve()), substitution_values(substitutions))


def substitution_values(substitutions: Iterable[str]) -> dict[str, str]:
    """Read NAME=VALUE options.

    Raises:
        ConfigError: if one is not of that form.
    """
    values = {}
    for text in substitutions:
        name, separator, value = text.partition("=")
        if not (name and separator):
            raise ConfigError(f"--set {text}: expected NAME=VALUE")
        values[name] = value
    return values
