import pytest

from fedclinic.deid.clinical import find_identifiers
from fedclinic.deid.lexicon import lexicon
from tests.fedclinic.deid.makers import uncovered, unmark
from tests.fedclinic.deid.probes import FIRST_PROBES, MORE_PROBES, probes


@pytest.mark.parametrize(("kind", "marked"), probes(FIRST_PROBES))
def test_rules_and_dictionaries_cover_each_of_the_first_probes(kind: str, marked: str) -> None:
    text, places = unmark(marked)
    found = find_identifiers(text, lexicon())
    assert [uncovered(text, place, found) for place in places] == [""] * len(places)


@pytest.mark.parametrize(("kind", "marked"), probes(MORE_PROBES))
def test_rules_and_dictionaries_cover_each_of_our_own_probes(kind: str, marked: str) -> None:
    text, places = unmark(marked)
    found = find_identifiers(text, lexicon())
    assert [uncovered(text, place, found) for place in places] == [""] * len(places)


def test_there_are_forty_nine_first_probes_and_two_hundred_of_our_own() -> None:
    assert (len(probes(FIRST_PROBES)), len(probes(MORE_PROBES))) == (49, 200)
