"""The page says what was measured, how sure that is, and what was not run."""

from pathlib import Path

import pytest

from fedbench.cell import Cell
from fedbench.page import write_page
from fedbench.results import ResultsFile
from fedbench.suites import SUITES
from fedbench.suites.privacy import ALONE
from fedbench.suites.quality import CENTRALISED
from fedbench.summary import mean_of
from tests.fedbench.bench_results import make_result


def cells_of(suite: str, *, seeds: int = 3) -> list[Cell]:
    return [cell for cell in SUITES[suite].cells(False) if cell.seed < seeds]


def write_results(folder: Path, suite: str, cells: list[Cell]) -> None:
    """Scores that only depend on the arm and seed: 0.8 centralised, below it elsewhere."""
    file = ResultsFile(folder / f"{suite}.jsonl")
    for cell in cells:
        score = (0.8 if cell.arm == CENTRALISED else 0.78) + 0.01 * cell.seed
        file.append(make_result(cell, score=score))


def page_of(folder: Path) -> str:
    write_page(folder / "docs" / "results.md", folder)
    return (folder / "docs" / "results.md").read_text()


def test_without_results_every_suite_is_listed_as_not_run(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    for name, suite in SUITES.items():
        assert f"## {name}" in page
        assert f"Not run: all {len(suite.cells(False))} cells." in page
    assert not (tmp_path / "docs" / "images").exists()


def test_a_mean_over_seeds_has_an_interval_and_one_seed_has_none(tmp_path: Path) -> None:
    write_results(tmp_path, "quality", cells_of("quality"))
    # 0.78, 0.79, 0.80: t(0.975, 2) * 0.01 / sqrt(3) = 0.0248
    assert "0.790 ± 0.025" in page_of(tmp_path)
    (tmp_path / "quality.jsonl").unlink()
    write_results(tmp_path, "quality", cells_of("quality", seeds=1))
    page = page_of(tmp_path)
    assert "| 0.780 | 97.5 |" in page
    missing = "30 of 30 of seed 1, 30 of 30 of seed 2"
    assert f"Not run, and named by `fedclinic bench list quality`: {missing}." in page


def test_what_is_missing_is_counted(tmp_path: Path) -> None:
    write_results(tmp_path, "scale", cells_of("scale")[:1])
    assert "`fedclinic bench list scale`: 3 of 4 of seed 0." in page_of(tmp_path)


def test_a_hospital_gains_from_the_size_above_which_it_never_loses(tmp_path: Path) -> None:
    under = {200: 0.6, 500: 0.4, 1000: 0.6, 2000: 0.7}
    file = ResultsFile(tmp_path / "dp.jsonl")
    for cell in cells_of("dp", seeds=1):
        if cell.patients in under and cell.arm in ("epsilon 8", ALONE):
            score = 0.5 if cell.arm == ALONE else under[cell.patients]
            file.append(make_result(cell, score=score))
    page = page_of(tmp_path)
    assert (
        "at epsilon 8 from 1000 patients a hospital on (measured at 200, 500, 1000, 2000)." in page
    )


def test_the_epsilons_are_named_at_which_departments_gain(tmp_path: Path) -> None:
    scores = {ALONE: 0.5, "epsilon 8": 0.7, "epsilon 1": 0.6, "epsilon 0.5": 0.4}
    file = ResultsFile(tmp_path / "dp.jsonl")
    for cell in cells_of("dp", seeds=1):
        if cell.corpus.name == "mtsamples" and cell.arm in scores:
            file.append(make_result(cell, score=scores[cell.arm]))
    assert "patients each, at epsilon: 8, 1." in page_of(tmp_path)


def test_results_of_cells_that_the_suite_no_longer_has_are_left_out(tmp_path: Path) -> None:
    cell = cells_of("scale")[0]
    other = cell.model_copy(update={"arm": "an arm of long ago"})
    write_results(tmp_path, "scale", [other])
    page = page_of(tmp_path)
    assert "long ago" not in page


@pytest.mark.parametrize("suite", sorted(SUITES))
def test_every_suite_has_a_table_and_its_figures_are_svg(tmp_path: Path, suite: str) -> None:
    write_results(tmp_path, suite, cells_of(suite))
    page = page_of(tmp_path)
    assert "Every cell of the suite was run." in page
    for path in (tmp_path / "docs" / "images" / "results").glob("*"):
        assert f"(images/results/{path.name})" in page
        assert path.read_text().rstrip().endswith("</svg>")
        assert path.stat().st_size < 100_000


def test_the_same_results_give_the_same_page_and_figures(tmp_path: Path) -> None:
    write_results(tmp_path, "quality", cells_of("quality"))
    contents = []
    for _ in range(2):
        page = page_of(tmp_path)
        figure = tmp_path / "docs" / "images" / "results" / "quality.svg"
        contents.append((page, figure.read_bytes()))
    assert contents[0] == contents[1]


def test_the_interval_is_students() -> None:
    mean = mean_of([1.0, 2.0, 3.0, 4.0])
    assert mean.value == 2.5
    # t(0.975, 3) = 3.1824, standard deviation 1.29099 over sqrt(4)
    assert mean.half_width == pytest.approx(2.0542, abs=1e-4)
    assert mean_of([1.0]).half_width is None
