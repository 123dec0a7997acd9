"""Institutions are found whole, in any case; departments and headings are no institutions."""

import pytest

from fedclinic.deid.clinical import find_identifiers
from fedclinic.deid.lexicon import lexicon
from tests.fedclinic.deid.makers import uncovered, unmark

FOUND = """
Blood was drawn at ⟦Zorvath Heart and Vascular Institute⟧ again.
Prior films from ⟦Our Lady of Zorvath Hospital⟧ were not sent.
She attends ⟦First Baptist Church of North Zorvathberg⟧ every week.
Moved to ⟦Zorvathhaven Nursing and Rehabilitation⟧ after the fall.
Moved to ⟦Quellin House Assisted Living⟧ after the fall.
Employed at the ⟦Quellinside Water Department⟧ until the injury.
A brace was made by ⟦Quellin Brothers Welding⟧ in town.
Towed by ⟦Zorvath Auto Body⟧ that night.
Studied at the ⟦University of Port Zorvath⟧ as a young man.
blood was drawn at ⟦zorvath eye associates⟧ again, and nothing grew.
moved to ⟦quellin skilled nursing facility⟧ after the fall at home.
the films came from ⟦our lady of zorvath hospital⟧ by courier.
MOVED TO ⟦ZORVATHHAVEN NURSING AND REHABILITATION⟧ AFTER THE FALL.
SHE WAS SEEN AT ⟦WILLOW CREEK SURGICAL CENTER⟧ BY A RESIDENT.
seen at ⟦case clinic⟧ by the resident, who sent him home.
THE FILMS CAME FROM ⟦VETERANS HOSPITAL OF NEW ZORVATH⟧ BY COURIER.
he works nights for ⟦hall, manning and price⟧ in the city.
The films came from ⟦Hospital de Zorvath⟧ by courier.
"""
LEFT = """
Cardiac Device Clinic
Hospice Interdisciplinary Group Note
Physical Therapy Department Evaluation
Pain Management Program and Wound Care Clinic
please see clinic notes for the details of what was done.
the preoperative motors had been compatible with the findings.
THE STERNUM WAS CLOSED WITH FIGURE-OF-EIGHT STAINLESS STEEL WIRE.
NO PREOPERATIVE MOTORS HAD BEEN DONE AT ANY TIME.
"""


@pytest.mark.parametrize("line", FOUND.strip().splitlines())
def test_an_institution_is_found_whole(line):
    text, places = unmark(line)
    spans = list(find_identifiers(text, lexicon()))
    assert [uncovered(text, place, spans) for place in places] == [""] * len(places)


@pytest.mark.parametrize("line", LEFT.strip().splitlines())
def test_a_department_or_heading_is_no_institution(line):
    assert find_identifiers(line, lexicon()) == ()


def test_the_person_before_an_institution_is_no_part_of_it():
    text = "Dr. Zorvath of Eastfield Hospital called."
    spans = find_identifiers(text, lexicon())
    assert [text[span.start : span.end] for span in spans] == ["Zorvath", "Eastfield Hospital"]
