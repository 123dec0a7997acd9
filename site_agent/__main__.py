"""`fedclinic-site`: what a site's administrator types."""

import os
import sys
import traceback
from pathlib import Path

import click

from fedclinic.command_line import run_command
from site_agent.deid_commands import deid
from site_agent.nightly_command import nightly
from site_agent.site_options import PRIVATE, open_site_at, site_options, substitution_values

EXIT_UNEXPECTED = 1


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="fedclinic")
def cli() -> None:
    """One hospital's side of a federation: its notes, policy, budget and rounds."""


deid.add_command(nightly)
cli.add_command(deid)


@cli.command("serve-pipe", hidden=True)
@site_options
@click.option("--blobs", type=click.Path(path_type=Path), required=True)
@click.option("--confined", is_flag=True, help="Die with the parent; leave no core dump.")
@click.option("--memory-gib", type=float)
def serve_pipe(
    config: Path,
    home: Path,
    substitutions: tuple[str, ...],
    blobs: Path,
    confined: bool,
    memory_gib: float | None,
) -> None:
    """Do a site's work in a process of its own, for an agent or a coordinator on this machine."""
    from fedclinic.updates.blobs import BlobFolder  # noqa: PLC0415 - keeps --help quick
    from site_agent.child import serve  # noqa: PLC0415
    from site_agent.confinement import confine  # noqa: PLC0415

    if confined:
        confine(memory_gib)
    serve(lambda: open_site_at(config, home, substitutions), BlobFolder(blobs), home)


@cli.command()
@site_options
def worker(config: Path, home: Path, substitutions: tuple[str, ...]) -> None:
    """Do the tasks of the site's Prefect work pool until Ctrl-C (transport `prefect`)."""
    os.umask(PRIVATE)
    from site_agent.worker_start import start_worker  # noqa: PLC0415

    start_worker(config, home, substitution_values(substitutions))


@cli.command("work-one-task", hidden=True)
@site_options
def work_one_task(config: Path, home: Path, substitutions: tuple[str, ...]) -> None:
    """Be the process of one flow run of a worker."""
    from site_agent.worker_child import carry_out  # noqa: PLC0415

    carry_out(lambda: open_site_at(config, home, substitutions))


@cli.command("follow-round", hidden=True)
def follow_round() -> None:
    """Share the steps of one round with the process that started this one."""
    os.umask(PRIVATE)
    from site_agent.child import end_with_input  # noqa: PLC0415
    from site_agent.confinement import confine  # noqa: PLC0415
    from site_agent.step_processes import follow  # noqa: PLC0415

    confine(None)
    follow(sys.stdin.buffer, end_with_input)


@cli.command()
@site_options
def key(config: Path, home: Path, substitutions: tuple[str, ...]) -> None:
    """Print the site's public key, which the coordinator's plan names."""
    click.echo(open_site_at(config, home, substitutions).key.public.raw.hex())


@cli.command("notes-digest")
@click.argument("run")
@click.option(
    "--round",
    "round_number",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Round of the run; 0 is its start.",
)
@site_options
def notes_digest(
    run: str, round_number: int, config: Path, home: Path, substitutions: tuple[str, ...]
) -> None:
    """Print the digest by which RUN's evidence names this site's notes, as they are now.

    Round 0 is the run's start. Only this site's key gives it: it shows an auditor that the notes
    are still those that were used.
    """
    store = open_site_at(config, home, substitutions).store
    click.echo(store.digest_for(run, round_number))


@cli.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option(
    "--patients",
    type=click.IntRange(min=2),
    default=300,
    show_default=True,
    help="Patients per hospital.",
)
@click.option(
    "--test-patients",
    type=click.IntRange(min=2),
    default=60,
    show_default=True,
    help="Patients per hospital in the evaluation notes.",
)
@click.option(
    "--most-notes",
    type=click.IntRange(min=1),
    default=None,
    show_default="no limit",
    help="Most notes of a patient, the first ones of each.",
)
@click.option(
    "--hospitals",
    default="north,south,east,west",
    show_default=True,
    help="Names of the hospitals, separated by commas.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(min=0.01),
    default=0.3,
    show_default=True,
    help="Dirichlet concentration of labels over hospitals; small is more skewed.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Another seed, other notes; the same seed, the same ones.",
)
def synthesize(  # noqa: PLR0913, PLR0917 - one a command-line option
    out: Path,
    patients: int,
    test_patients: int,
    most_notes: int | None,
    hospitals: str,
    alpha: float,
    seed: int,
) -> None:
    """Write synthetic notes: one JSONL file a hospital, `all.jsonl`, and `test.jsonl`."""
    from site_agent.synthesize import write_cohort  # noqa: PLC0415

    write_cohort(
        out,
        hospitals=[name.strip() for name in hospitals.split(",") if name.strip()],
        patients=patients,
        test_patients=test_patients,
        alpha=alpha,
        seed=seed,
        most_notes=most_notes,
    )


@cli.group()
def ledger() -> None:
    """The site's privacy budget ledger."""


@ledger.command("show")
@site_options
def ledger_show(config: Path, home: Path, substitutions: tuple[str, ...]) -> None:
    """Print budgets by cohort and the history of what was charged."""
    from site_agent.ledger_view import print_ledger  # noqa: PLC0415

    print_ledger(open_site_at(config, home, substitutions).ledger)


@ledger.command("verify")
@site_options
def ledger_verify(config: Path, home: Path, substitutions: tuple[str, ...]) -> None:
    """Check the ledger's chain, amounts and budgets."""
    from site_agent.ledger_view import print_verification  # noqa: PLC0415

    print_verification(open_site_at(config, home, substitutions).ledger)


@ledger.command("export")
@site_options
def ledger_export(config: Path, home: Path, substitutions: tuple[str, ...]) -> None:
    """Print the whole history as JSON lines."""
    from site_agent.ledger_view import export_ledger  # noqa: PLC0415

    export_ledger(open_site_at(config, home, substitutions).ledger)


@cli.command()
@click.argument("token")
@site_options
def join(token: str, config: Path, home: Path, substitutions: tuple[str, ...]) -> None:
    """Join the federation that TOKEN invites to: make the site's key, write site.yaml."""
    from site_agent.enrolment import join_exchange  # noqa: PLC0415
    from site_agent.site_home import SiteHome  # noqa: PLC0415

    os.umask(PRIVATE)
    join_exchange(token, config, SiteHome(home.resolve()), click.echo)


@cli.command()
@site_options
def run(config: Path, home: Path, substitutions: tuple[str, ...]) -> None:
    """Be the site's agent: ask the exchange for work, do it, until Ctrl-C."""
    from site_agent.poll import run_agent  # noqa: PLC0415
    from site_agent.site_home import SiteHome  # noqa: PLC0415

    os.umask(PRIVATE)
    run_agent(config, SiteHome(home.resolve()), substitution_values(substitutions))


@cli.command()
@site_options
def rotate(config: Path, home: Path, substitutions: tuple[str, ...]) -> None:
    """Replace the site's key by a new one, signed by the old; the agent must be stopped."""
    from site_agent.key_rotation import rotate_key  # noqa: PLC0415

    os.umask(PRIVATE)
    site = open_site_at(config, home, substitutions)
    rotate_key(site.home, site.config.site, site.disclosure_policy, click.echo)


@cli.command()
@site_options
@click.option(
    "--plan",
    type=click.Path(path_type=Path),
    help="The federation's plan, to check notes and model against.",
)
def check(config: Path, home: Path, substitutions: tuple[str, ...], plan: Path | None) -> None:
    """Check configuration, ledger, disk, device and connection; with a plan, notes and model."""
    from site_agent.check import check_site  # noqa: PLC0415

    check_site(open_site_at(config, home, substitutions), plan)


def main() -> None:
    """Run the command line; a mistake is one line on standard error and exit code 2.

    Whatever else happens is told by its type and place: a message might quote a note.
    """
    try:
        run_command(cli, "fedclinic-site")
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        click.echo(
            f"fedclinic-site: unexpected {type(error).__name__} at {place.filename}:{place.lineno}",
            err=True,
        )
        sys.exit(EXIT_UNEXPECTED)


if __name__ == "__main__":
    main()
