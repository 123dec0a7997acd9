"""Lines without case: what stands beside a word tells that it is a name."""

import pytest

from fedclinic.deid.clinical import find_identifiers
from fedclinic.deid.lexicon import lexicon
from tests.fedclinic.deid.makers import uncovered, unmark

FOUND = """
PT NAME: ⟦VINCENT COLON⟧ | SEEN TODAY IN THE CLINIC
SEEN BY ⟦JACQUELINE POUND⟧ FROM WOUND CARE AT NOON.
PRESCRIPTIONS WERE SENT TO THE SHOP ON ⟦COOPER STREET⟧ BY FAX.
she had her operation in ⟦rossview, ma⟧. the wound has healed.
he came to us from ⟦adamsstad, rhode island⟧. his wound has healed.
he turned sixty in ⟦march⟧ and still drives his car to town.
ATTENDING: ⟦ZORVATH YOUNG⟧, M.D., WAS TOLD OF THE RESULTS AT NOON.
called ⟦mark campbell⟧ at noon and again in the evening.
tell ⟦zorvath⟧ the results are on the portal since noon.
"""
LEFT = """
he may have the dose in the morning, and it will be changed then.
wear the boots on wet days; in may be careful with the sun lamp.
BRACE ORDERED; ALONG WITH A CANE, SHE MARCHES ON.
"""


@pytest.mark.parametrize("line", FOUND.strip().splitlines())
def test_a_name_is_found_though_its_line_carries_no_case(line):
    text, places = unmark(line)
    spans = list(find_identifiers(text, lexicon()))
    assert [uncovered(text, place, spans) for place in places] == [""] * len(places)


@pytest.mark.parametrize("line", LEFT.strip().splitlines())
def test_a_word_that_could_be_a_name_stays_where_nothing_says_so(line):
    assert find_identifiers(line, lexicon()) == ()
