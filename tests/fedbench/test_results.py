"""Results survive a crash: a whole line counts, and half a line is written again."""

from pathlib import Path

import pytest

from fedbench.results import ResultsFile
from fedbench.runner import run_cells
from fedclinic.errors import DataError
from tests.fedbench.bench_results import make_result, make_test_cell

CELLS = [make_test_cell(seed=seed) for seed in range(3)]


def make_file(folder: Path, *, results: int) -> ResultsFile:
    file = ResultsFile(folder / "scale.jsonl")
    for cell in CELLS[:results]:
        file.append(make_result(cell))
    return file


def test_results_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    assert make_file(tmp_path, results=2).read() == [make_result(cell) for cell in CELLS[:2]]
    assert ResultsFile(tmp_path / "nothing.jsonl").read() == []


def test_a_half_finished_file_is_gone_on_from(tmp_path: Path) -> None:
    file = make_file(tmp_path, results=2)
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:-20])
    ran: list[int] = []

    def run_one(cell):  # type: ignore[no-untyped-def]
        ran.append(cell.seed)
        return make_result(cell)

    said: list[str] = []
    run_cells(CELLS, file, run_one, said.append)
    assert ran == [1, 2]
    assert [result.digest for result in file.read()] == [cell.digest() for cell in CELLS]
    assert file.path.read_bytes().startswith(whole)
    assert said[0] == "1 of 3 cells are done"


def test_nothing_is_run_twice(tmp_path: Path) -> None:
    def run_one(cell):  # type: ignore[no-untyped-def]
        raise AssertionError(cell.seed)

    run_cells(CELLS, make_file(tmp_path, results=3), run_one, lambda line: None)


def test_a_cell_that_fails_leaves_the_results_before_it(tmp_path: Path) -> None:
    def run_one(cell):  # type: ignore[no-untyped-def]
        if cell.seed == 1:
            raise DataError("corpus is not there")
        return make_result(cell)

    file = make_file(tmp_path, results=0)
    with pytest.raises(DataError):
        run_cells(CELLS, file, run_one, lambda line: None)
    assert [result.digest for result in file.read()] == [CELLS[0].digest()]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    file = make_file(tmp_path, results=2)
    first, second = file.path.read_bytes().splitlines(keepends=True)
    file.path.write_bytes(first.replace(b'"seconds"', b'"minutes"') + second)
    with pytest.raises(DataError, match=r"scale.jsonl:1: not a result"):
        file.read()
