"""Cells of every suite run to their end on a tiny model, and what they tell is what happened."""

import pytest

from fedbench.cell import Cell
from fedbench.experiment import run_cell
from fedbench.laboratory import Laboratory, strata
from fedbench.results import Result
from fedbench.suites import SUITES
from fedbench.suites.parts import dirichlet
from tests.factories import make_learning_task, make_token_task
from tests.fedbench.bench_results import make_test_cell
from tests.tiny_models import save_tiny_bert
from tests.tiny_rounds import CPU, make_encoded, make_rows


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """One with a random BERT of six blocks in the place of the embedded model."""
    root = tmp_path_factory.mktemp("laboratory")
    save_tiny_bert(root / "model", blocks=6)
    return Laboratory(data=None, cache=root / "cache", precision=CPU, model=str(root / "model"))


def without_times(result: Result) -> dict[str, object]:
    values = result.model_dump(exclude={"wall_seconds", "machine"})
    for point in values["curve"]:
        del point["seconds"], point["cpu_seconds"]
    return values


@pytest.mark.parametrize("name", sorted(SUITES))
def test_the_first_and_last_quick_cell_of_every_suite_run(
    name: str, laboratory: Laboratory
) -> None:
    cells = SUITES[name].cells(True)
    for cell in (cells[0], cells[-1]):
        result = run_cell(cell, laboratory)
        assert result.digest == cell.digest()
        assert result.read_cell() == cell
        assert len(result.patients) == cell.sites
        assert result.last().round_number == cell.rounds
        assert result.last().bytes_up > 0


def test_a_cell_gives_the_same_result_again_and_another_seed_another(
    laboratory: Laboratory,
) -> None:
    cell = make_test_cell(rounds=1)
    first, again = (run_cell(cell, laboratory) for _ in range(2))
    assert without_times(first) == without_times(again)
    other = run_cell(make_test_cell(rounds=1, seed=1), laboratory)
    assert without_times(other)["curve"] != without_times(first)["curve"]


def patients_of(cell: Cell, laboratory: Laboratory) -> tuple[int, ...]:
    return run_cell(cell, laboratory).patients


def test_patients_come_to_sites_as_the_cell_says(laboratory: Laboratory) -> None:
    whole = 4 * 20
    assert patients_of(make_test_cell(rounds=1), laboratory) == (16,) * 5
    natural = {"partition": {"kind": "natural"}, "sites": 4, "rounds": 1}
    assert patients_of(make_test_cell(**natural), laboratory) == (20,) * 4
    assert patients_of(make_test_cell(**natural, patients=7), laboratory) == (7,) * 4
    skewed = make_test_cell(partition=dirichlet(0.3), sites=3, rounds=1)
    assert sum(patients_of(skewed, laboratory)) == whole


def test_a_private_cell_has_the_noise_that_its_epsilon_needs(laboratory: Laboratory) -> None:
    private = next(cell for cell in SUITES["dp"].cells(True) if cell.arm == "epsilon 8")
    plain = next(cell for cell in SUITES["dp"].cells(True) if cell.arm == "no DP")
    noise = run_cell(private, laboratory).noise_multiplier
    assert noise is not None
    assert 0.3 < noise < 2
    assert run_cell(plain, laboratory).noise_multiplier is None


def test_documents_are_told_apart_by_label_and_token_notes_by_their_entities() -> None:
    each = [[0], [1], [2], [3]]
    documents = make_encoded(make_rows([4] * 4, tokens=False, classes=[2, 0, 1, 0]), each, each)
    assert strata(documents, make_learning_task()).tolist() == [2, 0, 1, 0]
    tokens = make_encoded(make_rows([4] * 4, tokens=True), each, each)
    assert set(strata(tokens, make_token_task(("Disease", "Drug"))).tolist()) == {-1}
