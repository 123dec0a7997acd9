"""`fedclinic audit`: evidence for people who trust nobody, and pages for people who read."""

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from fedclinic.errors import ConfigError
from fedclinic.evidence.findings import Finding, verdict_of
from flows.command_options import workspace_option
from flows.settings import open_workspace, quieten_mlflow, set_tool_environment

EXIT_CODES = {"verified": 0, "failed": 1, "cannot verify": 3}
"""The same as those of the one-file verifier; 2 is a mistake on the command line."""

DOCUMENTS = (
    "model-card",
    "expert-pack",
    "dpia",
    "processing-record",
    "annex-iv",
    "sp800-226",
    "qualification",
)


def out_option(name: str) -> Callable[[Any], Any]:
    return click.option(
        "--out",
        type=click.Path(path_type=Path, dir_okay=False),
        default=Path(name),
        show_default=True,
        help="The file to write.",
    )


@click.group()
def audit() -> None:
    """Evidence: what was signed, whether it holds, and what to show to whom."""


@audit.command("bundle")
@click.argument("name", metavar="RUN|FEDERATION")
@out_option("bundle.json")
@workspace_option
def bundle(name: str, out: Path, workspace: str | None) -> None:
    """Write what an auditor gets: the federation's whole log, and what MLflow showed."""
    from flows.auditing.bundles import write_bundle  # noqa: PLC0415 - keeps --help quick

    click.echo(write_bundle(open_workspace(workspace), name, out))


@audit.command("trust")
@click.option("--bundle", "of", type=click.Path(path_type=Path), help="A bundle of the log.")
@click.option("--coordinator", metavar="KEY", help="The coordinator's public key.")
@click.option(
    "--site",
    "sites",
    metavar="NAME=KEY",
    multiple=True,
    help="A hospital's public key; given again, the one after it.",
)
@click.option("--witnesses", type=click.IntRange(min=0), help="Cosignatures required of them.")
@click.option("--seen", type=click.Path(path_type=Path), help="The last checkpoint you kept.")
@click.option(
    "--from-log",
    metavar="FEDERATION",
    help="Take all keys from the coordinator's own log: shows later changes, not who is who.",
)
@out_option("trust.json")
@workspace_option
def trust(  # noqa: PLR0913 - one parameter an option
    *,
    of: Path | None,
    coordinator: str | None,
    sites: tuple[str, ...],
    witnesses: int | None,
    seen: Path | None,
    from_log: str | None,
    out: Path,
    workspace: str | None,
) -> None:
    """Write the auditor's trust: keys that you got from the hospitals, never from a bundle.

    A KEY is 64 hexadecimal digits, base64 of 32 bytes, or a file with one of them or a PEM key.
    """
    from flows.auditing.trusting import Given, trust_from_keys, trust_from_log  # noqa: PLC0415
    from flows.run_store import write_whole  # noqa: PLC0415

    if from_log is not None:
        made = trust_from_log(open_workspace(workspace), from_log, witnesses)
        click.echo("These keys are the coordinator's word: replace them by the hospitals' own.")
    else:
        made = trust_from_keys(Given(of, coordinator, sites, witnesses, seen))
    write_whole(out, made.model_dump_json(indent=1).encode())
    click.echo(f"{out}: log {made.origin}, {len(made.sites)} sites, witnesses required: "
               f"{made.required_witnesses}")  # fmt: skip


@audit.command("verify")
@click.option("--bundle", "of", type=click.Path(path_type=Path), required=True)
@click.option("--trust", "by", type=click.Path(path_type=Path), help="Made by audit trust.")
@click.option("--mlflow", metavar="URI", help="Compare MLflow too: http://... or sqlite:///...")
def verify(of: Path, by: Path | None, mlflow: str | None) -> None:
    """Verify a bundle, and MLflow against it: 0 verified, 1 failed, 3 cannot verify."""
    from flows.auditing.verifying import verify_files  # noqa: PLC0415

    _quieten()
    findings, about = verify_files(of, by, mlflow)
    _end(findings, about)


@audit.command("replay")
@click.argument("run")
@click.option("--ledger", "ledgers", metavar="SITE=FILE", multiple=True,
              help="A site's ledger, as fedclinic-site ledger export prints it.")  # fmt: skip
@workspace_option
def replay(run: str, ledgers: tuple[str, ...], workspace: str | None) -> None:
    """Compute epsilons, ledger heads and the model's digest again from what was signed."""
    from flows.auditing.replaying import replay_run  # noqa: PLC0415

    space = open_workspace(workspace)
    _quieten()
    set_tool_environment(space)
    findings, about = replay_run(space, run, ledgers)
    _end(findings, about)


@audit.command("report")
@click.argument("name", metavar="RUN|FEDERATION")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@click.option("--pdf", is_flag=True, help="Print it with Chromium or Chrome, if one is installed.")
@workspace_option
def report(name: str, out: Path | None, pdf: bool, workspace: str | None) -> None:
    """Write a run's report again, or one page over all runs of a federation."""
    from flows.auditing.reports import write_report  # noqa: PLC0415

    _quieten()
    space = open_workspace(workspace)
    set_tool_environment(space)
    click.echo(str(write_report(space, name, out, pdf=pdf)))


@audit.command("export")
@click.argument("run", required=False)
@click.option("--what", type=click.Choice(DOCUMENTS), required=True)
@click.option("--junit", type=click.Path(path_type=Path), help="pytest's --junitxml file.")
@click.option("--constraints", type=click.Path(path_type=Path), help="Versions that were tested.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@workspace_option
def export(
    *,
    run: str | None,
    what: str,
    junit: Path | None,
    constraints: Path | None,
    out: Path | None,
    workspace: str | None,
) -> None:
    """Write a document that a regulator asks for; gaps are marked as gaps.

    `qualification` is about this installation and needs no run.
    """
    from flows.auditing.exporting import export_document, export_qualification  # noqa: PLC0415

    _quieten()
    if what == "qualification":
        click.echo(str(export_qualification(junit, constraints, out)))
        return
    if run is None:
        raise ConfigError(f"name the run that the {what} is about")
    space = open_workspace(workspace)
    set_tool_environment(space)
    click.echo(str(export_document(space, run, what, out)))


@audit.command("purge")
@click.argument("federation")
@click.option("--policy", type=click.Path(path_type=Path), help="Instead of the installed one.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@workspace_option
def purge(federation: str, policy: Path | None, dry_run: bool, workspace: str | None) -> None:
    """Delete stored updates and states that the retention policy lets go, stated in the log."""
    from flows.auditing.retention import load_policy, purge  # noqa: PLC0415

    rules = load_policy(policy)
    gone = purge(open_workspace(workspace), federation, rules, now=time.time(), dry_run=dry_run)
    for run, digests in sorted(gone.items()):
        click.echo(f"{run}: {len(digests)} files")
    word = "would go" if dry_run else "purged and stated"
    click.echo(f"{sum(map(len, gone.values()))} files {word}; policy {rules.digest()}")


@audit.command("archive")
@click.argument("federation")
@out_option("evidence.tar.gz")
@workspace_option
def archive(federation: str, out: Path, workspace: str | None) -> None:
    """Put a federation's evidence into one file: log, runs, models, blobs, local MLflow; no key."""
    from flows.auditing.retention import archive  # noqa: PLC0415

    count, digest = archive(open_workspace(workspace), federation, out)
    click.echo(f"{out}: {count} files, manifest {digest}")


@audit.command("restore")
@click.argument("source", metavar="ARCHIVE", type=click.Path(path_type=Path, exists=True))
@workspace_option
def restore(source: Path, workspace: str | None) -> None:
    """Unpack an archive into an empty workspace and check every file by its digest."""
    from flows.auditing.retention import restore  # noqa: PLC0415

    space = open_workspace(workspace)
    count, digest = restore(source, space)
    click.echo(f"{space.root}: {count} files as archived, manifest {digest}")


@audit.command("revoke")
@click.argument("federation")
@click.argument("site")
@click.option("--reason", type=click.Choice(["left", "key lost", "key stolen", "misconduct"]),
              required=True)  # fmt: skip
@workspace_option
def revoke(federation: str, site: str, reason: str, workspace: str | None) -> None:
    """State that nothing which a site's present key signs counts from here on."""
    from flows.auditing.bundles import revoke_site  # noqa: PLC0415

    click.echo(revoke_site(open_workspace(workspace), federation, site, reason))


@audit.command("account")
@click.argument("federation")
@click.argument("name")
@click.option("--role", type=click.Choice(["auditor", "site", "coordinator"]), required=True)
@click.option("--mlflow", "uri", required=True, metavar="URI", help="Address of the MLflow server.")
@workspace_option
def account(federation: str, name: str, role: Any, uri: str, workspace: str | None) -> None:
    """Let somebody into a federation's MLflow: auditors and sites read, coordinators manage.

    The caller is MLFLOW_TRACKING_USERNAME, or else the account that `fedclinic up` made here.
    """
    from flows.accounts import sign_in_to_mlflow  # noqa: PLC0415
    from flows.tracking.roles import open_account  # noqa: PLC0415

    sign_in_to_mlflow(open_workspace(workspace))
    password = open_account(uri, federation, name, role)
    told = f"; password {password}, told only here" if password else " as before"
    click.echo(f"{name} is let into {federation} as {role}{told}")


def _end(findings: Iterable[Finding], about: str) -> None:
    """Print every finding and leave with the verdict's exit code."""
    found = list(findings)
    for finding in found:
        click.echo(f"{finding.severity.value}: {finding.where}: {finding.what} [{finding.check}]")
    verdict = verdict_of(found)
    click.echo(f"{about}: {verdict.upper()}")
    sys.exit(EXIT_CODES[verdict])


def _quieten() -> None:
    """Keep MLflow's own remarks out of a verdict."""
    import logging  # noqa: PLC0415
    import warnings  # noqa: PLC0415

    quieten_mlflow()
    warnings.filterwarnings("ignore")
    logging.getLogger("alembic").setLevel(logging.ERROR)
