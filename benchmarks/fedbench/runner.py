"""Run a suite's cells that are not done yet, one after the other, each kept as it ends."""

from collections.abc import Callable, Sequence
from pathlib import Path

from fedbench.cell import Cell
from fedbench.results import Result, ResultsFile

Announce = Callable[[str], None]
RunOne = Callable[[Cell], Result]


def results_path(folder: Path, suite: str, *, quick: bool) -> Path:
    """Where a suite's results are; quick ones never mix with others."""
    return folder / (f"{suite}-quick.jsonl" if quick else f"{suite}.jsonl")


def run_cells(
    cells: Sequence[Cell], file: ResultsFile, run_one: RunOne, announce: Announce
) -> None:
    """Run what is missing.

    Raises:
        DataError: if a corpus is not there, or the results are damaged.
    """
    done = {result.digest for result in file.read()}
    missing = [cell for cell in cells if cell.digest() not in done]
    announce(f"{len(cells) - len(missing)} of {len(cells)} cells are done")
    for number, cell in enumerate(missing, start=1):
        result = run_one(cell)
        file.append(result)
        announce(f"{number}/{len(missing)}  {describe(cell, result)}")


def describe(cell: Cell, result: Result) -> str:
    """One line of what was run and what came out."""
    metrics = "  ".join(f"{name} {value:.4f}" for name, value in result.last().metrics.items())
    return f"{cell.title()}  seed {cell.seed}  {metrics}  {result.wall_seconds:.1f} s"
