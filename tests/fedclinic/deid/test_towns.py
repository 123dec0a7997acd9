"""Towns, streets and firms that no dictionary holds are found by their form and their company."""

import pytest

from fedclinic.deid.clinical import find_identifiers
from fedclinic.deid.lexicon import lexicon
from tests.fedclinic.deid.makers import uncovered, unmark

FOUND = """
She winters in ⟦Quellinmouth⟧ now.
He drove home to ⟦Zorvathside⟧.
A house near ⟦Port Zorvath⟧ burnt.
They arrived from ⟦Djolotatu⟧ at night.
Fell at home in ⟦Zorvathberg, SD⟧.
Fell at home in ⟦Djolotatu, OR⟧ yesterday.
Lives at ⟦8904 Moss Wall Suite 827⟧ alone.
A letter to ⟦Zorvath Freight⟧ was sent.
A letter to ⟦Zorvath Lumber Company⟧ was sent.
works for ⟦Ortiz-Miller⟧ by night.
the letter to ⟦zorvath freight⟧ was sent to him today.
"""
LEFT = """
The Etoposide dose was halved.
Relief from Levodopa and rest.
Pain from Crohn's disease.
Spontaneous breathing in OR, stable.
An Arterial Blood Transport was done.
Seen with Wolff-Parkinson disease.
"""


@pytest.mark.parametrize("line", FOUND.strip().splitlines())
def test_what_no_dictionary_holds_is_found(line):
    text, places = unmark(line)
    spans = list(find_identifiers(text, lexicon()))
    assert [uncovered(text, place, spans) for place in places] == [""] * len(places)


@pytest.mark.parametrize("line", LEFT.strip().splitlines())
def test_what_only_looks_so_stays(line):
    assert [line[span.start : span.end] for span in find_identifiers(line, lexicon())] == []
