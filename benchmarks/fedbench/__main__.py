"""`fedclinic bench`: list suites, run one, write the page of results."""

import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedclinic.command_line import EXIT_USER_MISTAKE, run_command
from fedclinic.errors import ConfigError

if TYPE_CHECKING:
    from fedbench.cell import Cell
    from fedbench.suites import Suite


results_option = click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("benchmarks/results"),
    show_default=True,
    help="Folder of the results, one JSON-lines file a suite.",
)


@dataclass(frozen=True)
class RunOptions:
    """What was asked of `bench run`."""

    suite: str
    results: Path
    data: Path | None
    cache: Path | None
    quick: bool
    only: str | None
    seeds: int | None
    precision: str

    def wants(self, cell: "Cell") -> bool:
        named = self.only is None or re.search(self.only, cell.title()) is not None
        return named and (self.seeds is None or cell.seed < self.seeds)


def check_pattern(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Refuse what is no regular expression.

    Raises:
        ConfigError: saying why.
    """
    del context, option
    try:
        re.compile(value or "")
    except re.error as error:
        raise ConfigError(f"--only {value!r} is no regular expression: {error}") from None
    return value


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def bench() -> None:
    """Measure methods on simulated federations of public and synthetic notes."""


@bench.command("list")
@click.argument("suite", required=False)
@results_option
def list_suites(suite: str | None, results: Path) -> None:
    """Say what each suite asks and how many of its cells are done, or name what SUITE lacks."""
    from fedbench.suites import SUITES, find_suite  # noqa: PLC0415 - keeps --help quick

    if suite is not None:
        for cell in missing_cells(find_suite(suite), results):
            click.echo(f"seed {cell.seed}  {cell.title()}")
        return
    for each in SUITES.values():
        count = len(each.cells(False))
        done = count - len(missing_cells(each, results))
        click.echo(f"{each.name:17} {done:4} of {count:4} cells  {each.question}")


def missing_cells(suite: "Suite", results: Path) -> "list[Cell]":
    """Cells of the suite that have no result yet, in its order.

    Raises:
        DataError: if the file of results is damaged.
    """
    from fedbench.results import ResultsFile  # noqa: PLC0415 - keeps --help quick
    from fedbench.runner import results_path  # noqa: PLC0415

    file = ResultsFile(results_path(results, suite.name, quick=False))
    done = {result.digest for result in file.read()}
    return [cell for cell in suite.cells(False) if cell.digest() not in done]


@bench.command()
@click.argument("suite")
@results_option
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    envvar="FEDCLINIC_BENCH_DATA",
    help="Folder of the public corpora, one folder each; the synthetic cohort needs none.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder in which hidden states stay from one call to the next.  [default: none]",
)
@click.option("--quick", is_flag=True, help="Few synthetic patients: does everything run?")
@click.option(
    "--only",
    metavar="PATTERN",
    callback=check_pattern,
    help="Only cells whose `corpus: arm` matches this regular expression.",
)
@click.option("--seeds", type=click.IntRange(min=1), help="Only the first so many seeds.")
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16"]),
    default="auto",
    show_default=True,
)
@click.pass_context
def run(context: click.Context, /, **_: object) -> None:
    """Run the cells of SUITE that are not done yet; stop and go on at any time."""
    from fedbench.experiment import run_cell  # noqa: PLC0415
    from fedbench.laboratory import Laboratory  # noqa: PLC0415
    from fedbench.results import ResultsFile  # noqa: PLC0415
    from fedbench.runner import results_path, run_cells  # noqa: PLC0415
    from fedbench.suites import find_suite  # noqa: PLC0415
    from site_agent.models import pick_precision  # noqa: PLC0415

    asked = RunOptions(**context.params)
    cells = [cell for cell in find_suite(asked.suite).cells(asked.quick) if asked.wants(cell)]
    file = ResultsFile(results_path(asked.results, asked.suite, quick=asked.quick))
    with tempfile.TemporaryDirectory(prefix="fedclinic-bench-") as scratch:
        laboratory = Laboratory(
            data=asked.data,
            cache=asked.cache or Path(scratch),
            precision=pick_precision("auto", asked.precision),
        )
        run_cells(cells, file, lambda cell: run_cell(cell, laboratory), click.echo)


@bench.command()
@results_option
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("docs/results.md"),
    show_default=True,
    help="The page; its figures are written to images/results beside it.",
)
def report(results: Path, page: Path) -> None:
    """Write the page of results: tables, figures, and what was not run."""
    from fedbench.page import write_page  # noqa: PLC0415

    write_page(page, results)
    click.echo(f"wrote {page}")


def main() -> None:
    """Run the command line; a mistake is one line on standard error and exit code 2."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    try:
        run_command(bench, "fedclinic bench")
    except ModuleNotFoundError as error:
        click.echo(f"fedclinic: no module {error.name}: pip install 'fedclinic[bench]'", err=True)
        sys.exit(EXIT_USER_MISTAKE)


if __name__ == "__main__":
    main()
