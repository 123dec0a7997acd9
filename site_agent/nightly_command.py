"""`fedclinic-site deid nightly`: the schedule's command line."""

import os
from pathlib import Path

import click

from fedclinic.errors import ConfigError
from site_agent.site_options import PRIVATE, site_options, substitution_values


@click.command()
@site_options
@click.option("--cron", default="0 2 * * *", show_default=True, help="When, as cron writes it.")
@click.option("--timezone", default="UTC", show_default=True, help="Such as Europe/Amsterdam.")
@click.option("--plan", type=click.Path(path_type=Path), help="As for deid run.")
def nightly(
    config: Path,
    home: Path,
    substitutions: tuple[str, ...],
    cron: str,
    timezone: str,
    plan: Path | None,
) -> None:
    """De-identify on a schedule of the hospital's own Prefect server, until Ctrl-C."""
    from site_agent.prefect_environment import IN_PROCESS, enter_prefect  # noqa: PLC0415
    from site_agent.settings import load_site_config  # noqa: PLC0415
    from site_agent.site_home import SiteHome  # noqa: PLC0415

    os.umask(PRIVATE)
    values = substitution_values(substitutions)
    loaded = load_site_config(config, values)
    server = loaded.orchestration
    if server is None or server.api == IN_PROCESS:
        raise ConfigError(
            "a schedule needs the hospital's own Prefect server (orchestration.api); without one, "
            "let cron or a systemd timer call fedclinic-site deid run"
        )
    paths = config.resolve(), home.resolve()
    wanted_plan = plan.resolve() if plan is not None else None
    site_home = SiteHome(paths[1])
    enter_prefect(site_home.prefect, server.api, server.certificate)
    from prefect.schedules import Cron  # noqa: PLC0415 - after its environment

    from site_agent.nightly import command_of, serve_nightly  # noqa: PLC0415

    command = command_of(*paths, values, wanted_plan)
    try:
        schedule = Cron(cron, timezone=timezone)
    except ValueError:
        raise ConfigError(f"--cron '{cron}' or --timezone '{timezone}' is wrong") from None
    serve_nightly(loaded.site, command, site_home.root / "nightly.log", schedule, server.api)
