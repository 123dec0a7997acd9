"""The checks of the papers' methods say pass, falls short, or not run, and mean it."""

from pathlib import Path

import pytest

from benchmarks.method_checks import from_results
from benchmarks.method_checks.dropout import check_active
from benchmarks.method_checks.server_rules import check_personal_layers, check_targeted
from benchmarks.method_checks.verdict import Verdict, judge
from fedbench.results import ResultsFile
from fedbench.runner import results_path
from fedbench.suites import SUITES
from fedbench.suites.quality import CENTRALISED
from tests.fedbench.bench_results import make_result

GUARDED = "guarded FedTLU, 2 of 6"


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(from_results, "RESULTS", tmp_path)
    return tmp_path


def write(folder: Path, suite: str, scores: dict[str, float]) -> None:
    """Results of the suite's first seed, by arm; the others are as if they were not run."""
    file = ResultsFile(results_path(folder, suite, quick=False))
    for cell in SUITES[suite].cells(False):
        if cell.seed == 0 and cell.arm in scores:
            file.append(make_result(cell, score=scores[cell.arm]))


def result_of(verdicts: list[Verdict], what: str) -> str:
    return next(each.result for each in verdicts if what in each.what)


def test_what_was_not_run_does_not_pass(results: Path) -> None:
    every = [
        *from_results.check_quality(),
        *from_results.check_faster(),
        *from_results.check_poison(),
    ]
    assert {verdict.result for verdict in every} == {"not run"}


def test_quality_passes_from_98_percent_of_centralised_on(results: Path) -> None:
    four, eight = "top half, 4 sites, IID", "top half, 8 sites, IID"
    write(results, "quality", {CENTRALISED: 0.80, four: 0.79, eight: 0.78})
    verdicts = list(from_results.check_quality())
    assert result_of(verdicts, f"ncbi_disease, {four}") == "pass"
    assert result_of(verdicts, f"ncbi_disease, {eight}") == "falls short"
    assert result_of(verdicts, "ncbi_disease, top half, 4 sites, Dirichlet") == "not run"


def test_dropout_that_never_reaches_the_target_falls_short(results: Path) -> None:
    write(results, "time_to_accuracy", {"p = 0": 0.6, "p = 0.5": 0.4})
    assert [each.result for each in from_results.check_faster()] == ["falls short"]


def test_a_defence_that_loses_more_than_a_tenth_falls_short(results: Path) -> None:
    none, flip, shift = "no bad site", "2 of 10 sign_flip", "2 of 10 constant_shift"
    scores = {f"mean; {none}": 1.0, f"mean; {flip}": 1.2, f"{GUARDED}; {none}": 1.0}
    scores |= {f"{GUARDED}; {flip}": 1.05, f"{GUARDED}; {shift}": 1.5}
    write(results, "robustness", scores)
    verdicts = list(from_results.check_poison())
    assert result_of(verdicts, f"10 mean; {flip}") == "falls short"
    assert result_of(verdicts, f"10 {GUARDED}; {flip}") == "pass"
    assert result_of(verdicts, f"10 {GUARDED}; {shift}") == "falls short"


def test_the_rules_of_the_server_and_the_masks_are_what_their_equations_say() -> None:
    verdicts = [*check_active(), *check_personal_layers(), *check_targeted()]
    assert [verdict.line() for verdict in verdicts if verdict.result != "pass"] == []


def test_a_line_says_the_result_first() -> None:
    assert judge("9 identity", False, "0.1").line() == "falls short  9 identity: 0.1"
    assert judge("9 identity", True, "0.0").line() == "pass         9 identity: 0.0"
