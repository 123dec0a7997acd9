"""`fedclinic-site deid`: de-identify, review what is in quarantine, audit, and score on gold."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from site_agent.site_options import PRIVATE, open_site_at, site_options, substitution_values


@click.group()
def deid() -> None:
    """De-identification of the site's notes."""


@deid.command("run")
@site_options
@click.option(
    "--plan",
    type=click.Path(path_type=Path),
    help="A federation's plan whose labels are read with the notes; without it, no labels are.",
)
@click.option(
    "--canary-notes",
    type=click.IntRange(min=0),
    default=60,
    show_default=True,
    help="Notes in whose shadows known values are planted, to measure recall; 0 measures nothing.",
)
def run(
    config: Path, home: Path, substitutions: tuple[str, ...], plan: Path | None, canary_notes: int
) -> None:
    """De-identify new and changed notes; Ctrl-C stops, and the next call goes on."""
    site = _open(config, home, substitutions)
    from site_agent.deid_session import run_deidentification  # noqa: PLC0415 - after settings

    run_deidentification(site, plan, canary_notes)


@deid.group("review")
def review() -> None:
    """Notes in quarantine."""


@review.command("list")
@site_options
def review_list(config: Path, home: Path, substitutions: tuple[str, ...]) -> None:
    """List the notes in quarantine: a name, the place in the site's files, the reason."""
    from site_agent.deid_view import print_quarantine  # noqa: PLC0415

    print_quarantine(open_site_at(config, home, substitutions).store)


@review.command("release")
@site_options
@click.argument("note")
@click.option("--by", required=True, help="Who read the note; kept at the site.")
@click.option("--why", required=True, help="Why it may be used; kept at the site.")
def review_release(
    config: Path, home: Path, substitutions: tuple[str, ...], note: str, by: str, why: str
) -> None:
    """Release NOTE: the next run de-identifies it whatever its language and density.

    A note on which the detector failed, or in which a known value survived, stays in quarantine.
    """
    store = open_site_at(config, home, substitutions).store
    store.refused.release(note, by=by, why=why)
    click.echo(f"{note} is released; fedclinic-site deid run treats it again")


@deid.command("audit")
@site_options
@click.option("--canary-notes", type=click.IntRange(min=0), default=60, show_default=True)
@click.option(
    "--sheet-notes",
    type=click.IntRange(min=0),
    default=30,
    show_default=True,
    help="Notes drawn for people to read; those on which detectors disagree are drawn more often.",
)
@click.option(
    "--reviewer",
    "reviewers",
    multiple=True,
    default=("first", "second"),
    show_default=True,
    help="Who reads the drawn notes, each alone; may be repeated.",
)
@click.option(
    "--reviewed",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A sheet that people filled in; may be repeated.",
)
def audit(config: Path, home: Path, substitutions: tuple[str, ...], **options: Any) -> None:
    """Search for known values, plant canaries, draw sheets, and hold all against the policy."""
    site = _open(config, home, substitutions)
    from site_agent.deid_audit import AuditOptions, audit_site  # noqa: PLC0415 - after settings

    audit_site(site, AuditOptions(**options))


@deid.command("score")
@click.option("--gold", type=click.Path(path_type=Path), required=True, help="File or folder.")
@click.option(
    "--format",
    "gold_format",
    type=click.Choice(["jsonl", "i2b2", "brat"]),
    help="How the gold is written; told from the names of the files if left out.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="site.yaml whose policy and model are scored; without it, the installed policy is.",
)
@click.option("--set", "substitutions", multiple=True, metavar="NAME=VALUE")
@click.option(
    "--profile",
    type=click.Choice(["fast", "default", "strict"]),
    help="Instead of the one in site.yaml.  [default without site.yaml: default]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("detected-vs-gold.csv"),
    show_default=True,
    help="Table of every gold and detected span; it holds places and classes, no text.",
)
@click.option("--with-text", is_flag=True, help="Write the spans' text into the table too.")
def score(**options: Any) -> None:
    """Score detection on your own gold: JSON lines, i2b2 2014 XML or brat."""
    os.umask(PRIVATE)
    from site_agent.deid_score import ScoreOptions, score_gold  # noqa: PLC0415

    options["substitutions"] = substitution_values(options["substitutions"])
    score_gold(ScoreOptions(**options))


@deid.command("model-digest")
@click.argument("folder", type=click.Path(path_type=Path))
def model_digest(folder: Path) -> None:
    """Print the digest by which site.yaml pins a model's FOLDER."""
    from site_agent.site_model import digest_model_folder  # noqa: PLC0415

    click.echo(digest_model_folder(folder))


@deid.command("detect-pipe", hidden=True)
@site_options
def detect_pipe(config: Path, home: Path, substitutions: tuple[str, ...]) -> None:
    """Be a detection process: answer the lines of standard input until it closes."""
    from fedclinic.errors import FedclinicError  # noqa: PLC0415
    from site_agent.detection import open_detector  # noqa: PLC0415
    from site_agent.detection_process import say_problem, serve  # noqa: PLC0415
    from site_agent.site_home import SiteHome  # noqa: PLC0415
    from site_agent.standard_output import take_standard_output  # noqa: PLC0415

    replies = take_standard_output()
    values = substitution_values(substitutions)
    try:
        detector = open_detector(config, SiteHome(home), values)
    except FedclinicError as error:
        say_problem(replies, str(error))
        return
    serve(detector, sys.stdin, replies)


def _open(config: Path, home: Path, substitutions: tuple[str, ...]) -> Any:
    """Open the site, with Prefect's environment set before it is imported."""
    from site_agent.prefect_settings import set_prefect_environment  # noqa: PLC0415
    from site_agent.site_home import SiteHome  # noqa: PLC0415

    os.umask(PRIVATE)
    set_prefect_environment(SiteHome(home.resolve()))
    return open_site_at(config, home, substitutions)
