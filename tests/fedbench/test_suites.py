"""Every suite has cells of its own, and a quick version that needs no corpus."""

import pytest

from fedbench.suites import SUITES, find_suite
from fedclinic.errors import ConfigError


@pytest.mark.parametrize("name", sorted(SUITES))
@pytest.mark.parametrize("quick", [True, False])
def test_no_cell_is_twice_in_a_suite_and_all_are_its_own(name: str, quick: bool) -> None:
    cells = SUITES[name].cells(quick)
    assert cells
    assert len({cell.digest() for cell in cells}) == len(cells)
    assert {cell.suite for cell in cells} == {name}


@pytest.mark.parametrize("name", sorted(SUITES))
def test_a_quick_suite_needs_no_corpus_and_shares_no_cell_with_the_whole(name: str) -> None:
    quick = SUITES[name].cells(True)
    assert {cell.corpus.name for cell in quick} == {"synthetic"}
    if name != "bytes":
        whole = {cell.digest() for cell in SUITES[name].cells(False)}
        assert not whole & {cell.digest() for cell in quick}


@pytest.mark.parametrize("name", sorted(SUITES.keys() - {"bytes", "scale"}))
def test_a_suite_that_compares_quality_has_three_seeds_of_every_arm(name: str) -> None:
    seeds: dict[object, set[int]] = {}
    for cell in SUITES[name].cells(False):
        seeds.setdefault((cell.arm, cell.corpus, cell.patients), set()).add(cell.seed)
    assert all(found == {0, 1, 2} for found in seeds.values())


def test_an_unknown_suite_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError, match="no suite 'speed'; there are quality, bytes"):
        find_suite("speed")
