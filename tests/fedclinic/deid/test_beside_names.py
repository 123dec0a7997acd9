"""Names are found by the names beside them; ordinary words beside names stay."""

import pytest

from fedclinic.deid.beside_names import names_beside
from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.rules.openings import openings_of
from fedclinic.deid.rules.tables import find_in_tables
from fedclinic.notes import Span
from tests.fedclinic.deid.makers import uncovered, unmark

FOUND = """
(Okafor) and ⟦Zorvath⟧ came.
(Okafor), ⟦Zorvath⟧ and ⟦Quellin⟧ came.
⟦Zorvath⟧, (Okafor) came.
Seen by (Alfieri) ⟦AN⟧ in town.
Told (Okafor) ⟦T⟧ today.
(Day), ⟦Betty⟧ came; Betty ⟦Day⟧ left.
(Gill)⟦-Jones⟧ came.
⟦Gill-⟧(Jones) came.
Stayed with ⟦m. zorvath⟧ in town.
Signed by ⟦zorvath quellin⟧, PA-C.
Dictated by ⟦periton 's gravensande⟧ at noon.
dictated by ⟦willem 't hoen⟧ today.
(Dennis) came, and ⟦dennis⟧ left.
"""
LEFT = """
(Okafor) and aspirin was given.
(Okafor), MD came.
(Okafor) MI was ruled out.
Grew e. coli in urine.
(Okafor) and Monday.
"""


def parse(line: str) -> tuple[str, list[Span]]:
    """A line whose known names stand in round brackets, without them."""
    text, known = "", []
    for part in line.replace("(", "\x01(").split("\x01"):
        if part.startswith("("):
            name, _, rest = part[1:].partition(")")
            clean = len(text.replace("⟦", "").replace("⟧", ""))
            known.append(Span(clean, clean + len(name), "PERSON", 0.9))
            text += name + rest
        else:
            text += part
    return text, known


@pytest.mark.parametrize("line", FOUND.strip().splitlines())
def test_a_name_beside_a_name_is_found(line):
    marked, known = parse(line)
    text, places = unmark(marked)
    found = [*known, *names_beside(text, openings_of(text), known, lexicon())]
    assert [uncovered(text, place, found) for place in places] == [""] * len(places)


@pytest.mark.parametrize("line", LEFT.strip().splitlines())
def test_what_is_no_name_stays_beside_one(line):
    text, known = parse(line)
    found = [text[s.start : s.end] for s in names_beside(text, openings_of(text), known, lexicon())]
    assert [each for each in found if each in ("aspirin", "MD", "MI", "coli", "Monday")] == []


def test_a_column_under_a_head_for_names_holds_names():
    text = "Surname;Given;Chart;Seen\nDay;May;48271936;today\nWells;Grace;4413;today\n\nDay;off;1;x"
    found = [(text[s.start : s.end], s.label) for s in find_in_tables(text)]
    assert found == [
        ("Day", "PERSON"), ("May", "PERSON"), ("48271936", "OTHER_ID"),
        ("Wells", "PERSON"), ("Grace", "PERSON"), ("4413", "OTHER_ID"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["Name;Dose", "a;b;c\nd;e;f", "Given 5 mg;Name;x\nq;r;s", ""])
def test_lines_without_a_head_for_people_hold_none(text):
    assert find_in_tables(text) == []
