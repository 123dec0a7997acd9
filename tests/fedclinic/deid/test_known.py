import pytest

from fedclinic.deid.known import find_known, prepare
from fedclinic.deid.lexicon import lexicon
from fedclinic.notes import KnownIdentifiers
from tests.fedclinic.deid.makers import uncovered, unmark

ROSTER = KnownIdentifiers(
    "p1",
    (
        ("PERSON", "Zorvath Quilim"),
        ("PERSON", "May Young"),
        ("PERSON", "Dr. Tavush Brexol"),
        ("PERSON", "Nguyễn Thị Ánh"),
        ("DATE_TIME", "1958-03-14"),
        ("MEDICAL_RECORD", "4029-887-A"),
        ("PHONE_NUMBER", "(617) 555-0199"),
        ("US_SSN", "378-05-1120"),
        ("LOCATION", "412 Cornwallis Street"),
        ("EMAIL_ADDRESS", "zq@example.com"),
        ("OTHER_KIND", "blue-heron-7"),
    ),
)


@pytest.mark.parametrize(
    "marked",
    [
        "⟦Zorvath⟧ was seen",
        "⟦QUILIM, ZORVATH⟧",
        "spoke with ⟦zorvath⟧ today",
        "⟦Quilim's⟧ wound",
        "the ⟦Quilim⟧-Baker family",
        "Dr ⟦Brexol⟧ agrees",
        "seen with ⟦May Young⟧ today",
        "we told ⟦Young⟧ to rest",
        "⟦NGUYỄN THỊ ÁNH⟧",
        "born ⟦3/14/58⟧",
        "DOB ⟦March 14, 1958⟧",
        "dob ⟦14-MAR-1958⟧",
        "number ⟦4029887A⟧",
        "number ⟦4029 887 a⟧",
        "call ⟦617.555.0199⟧",
        "call ⟦6175550199⟧",
        "ss ⟦378 05 1120⟧",
        "at ⟦Cornwallis Street⟧",
        "write to ⟦ZQ@example.com⟧",
        "the ⟦Blue-Heron-7⟧ case",
    ],
)
def test_a_known_value_is_found_in_any_usual_spelling(marked: str) -> None:
    text, places = unmark(marked)
    found = find_known(text, prepare(ROSTER, lexicon()))
    assert [uncovered(text, place, found) for place in places] == [""]


@pytest.mark.parametrize(
    "text",
    [
        "The young patient may go home.",
        "May be repeated. Young adults do well.",
        "on 3/15/58",
        "at 412 mg of street drugs",
        "number 4029887",
    ],
)
def test_what_only_resembles_a_known_value_is_left_alone(text: str) -> None:
    assert [s for s in find_known(text, prepare(ROSTER, lexicon())) if s.label != "LOCATION"] == []


def test_an_empty_roster_finds_nothing() -> None:
    nobody = prepare(KnownIdentifiers("p1"), lexicon())
    assert find_known("Zorvath Quilim, DOB 3/14/58", nobody) == []


def test_known_values_never_show_in_a_repr() -> None:
    assert "Zorvath" not in repr(prepare(ROSTER, lexicon())).title()
    assert "Zorvath" not in repr(ROSTER)
