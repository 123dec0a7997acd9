"""Days and high ages as notes write them; scores, months that are verbs and times stay."""

import pytest

from fedclinic.deid.clinical import find_identifiers
from fedclinic.deid.lexicon import lexicon
from tests.fedclinic.deid.makers import uncovered, unmark

FOUND = """
He plays cards on ⟦Tuesdays⟧ with the others.
Next dressing change ⟦12/10⟧ or ⟦08/10⟧, as supplies allow.
His mother died at ⟦97⟧; his father is well.
She passed away at ⟦101⟧.
"""
LEFT = """
To Whom It May Concern:
Pain was 8/10 at first, 2/10 after.
He died at 61; she passed away at 72.
"""


@pytest.mark.parametrize("line", FOUND.strip().splitlines())
def test_a_day_or_high_age_is_found(line):
    text, places = unmark(line)
    spans = list(find_identifiers(text, lexicon()))
    assert [uncovered(text, place, spans) for place in places] == [""] * len(places)


@pytest.mark.parametrize("line", LEFT.strip().splitlines())
def test_what_only_looks_like_a_day_stays(line):
    assert find_identifiers(line, lexicon()) == ()


def test_the_time_behind_a_day_is_no_part_of_it():
    text = "Signed 2004-03-18 16:15, sent 2004-03-18T16:20."
    found = [text[span.start : span.end] for span in find_identifiers(text, lexicon())]
    assert found == ["2004-03-18", "2004-03-18T16:20"]
