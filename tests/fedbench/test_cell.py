"""A cell is named by what is said of it."""

import pytest
from pydantic import ValidationError

from fedbench.cell import Cell
from tests.fedbench.bench_results import make_test_cell


def test_cells_that_say_the_same_have_one_name_and_others_another() -> None:
    assert make_test_cell().digest() == make_test_cell().digest()
    for change in ({"seed": 1}, {"rounds": 3}, {"layers": {"top": 2}}, {"dtype": "BF16"}):
        assert make_test_cell(**change).digest() != make_test_cell().digest()


def test_seeds_of_one_measurement_are_one_group() -> None:
    assert make_test_cell(seed=1).group() == make_test_cell(seed=2).group()
    assert make_test_cell(rounds=3).group() != make_test_cell().group()


def test_a_default_that_is_not_said_is_no_part_of_the_name() -> None:
    """So a field that a later version adds leaves every result in its place."""
    said = make_test_cell().model_dump(mode="json", exclude_unset=True)
    assert "robust" not in said
    assert "parameters" not in said["layers"]
    assert Cell.model_validate(said).digest() == make_test_cell().digest()


def test_a_partition_and_its_alpha_belong_together() -> None:
    with pytest.raises(ValidationError, match="alpha belongs to dirichlet"):
        make_test_cell(partition={"kind": "iid", "alpha": 0.5})
    with pytest.raises(ValidationError, match="alpha belongs to dirichlet"):
        make_test_cell(partition={"kind": "dirichlet"})


def test_bad_sites_are_fewer_than_half() -> None:
    with pytest.raises(ValidationError, match="fewer than half"):
        make_test_cell(sites=4, bad={"attack": "noise", "sites": 2})
