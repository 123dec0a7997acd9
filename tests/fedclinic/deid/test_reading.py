import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.reading import read
from fedclinic.deid.truecase import shout, truecase
from fedclinic.deid.wrapping import unwrap
from fedclinic.notes import Span

PIECES = st.lists(
    st.sampled_from(
        [
            "John",
            " ",
            "\n",
            "<b>",
            "</b>",
            "<br/>",
            "&nbsp;",
            "&amp;",
            "\u200b",
            "\r\n",
            "\\par ",
            "é",
            "5 < 6",
            "\t",
        ]
    ),
    max_size=30,
).map("".join)


@given(PIECES)
def test_every_character_that_is_read_has_its_place_in_the_original(text: str) -> None:
    reading = read(text)
    for at in range(len(reading.text)):
        place = reading.in_original(Span(at, at + 1, "PERSON"))
        assert 0 <= place.start < place.end <= len(text)


@given(PIECES)
def test_letters_are_read_where_they_stand(text: str) -> None:
    reading = read(text)
    for at, character in enumerate(reading.text):
        if character in "John":
            place = reading.in_original(Span(at, at + 1, "PERSON"))
            assert text[place.start] == character


@given(st.text(max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    reading = read(text)
    assert reading.positions is None or len(reading.positions) == len(reading.text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<b>John</b> <i>Smith</i>", "John Smith"),
        ("Jo\u200bhn Sm\u00adith", "John Smith"),
        ("John&nbsp;Smith", "John Smith"),
        ("John\u00a0Smith", "John Smith"),
        ("{\\rtf1\\ansi John\\par Smith}", "{John\nSmith}"),
        ("Jоhn", "John"),
        ("５５５－０１３４", "555-0134"),
        ("<p>John</p><p>Smith</p>", "\nJohn\n\nSmith\n"),
        ("BP < 90 and HR > 100", "BP < 90 and HR > 100"),
        ("O’Brien", "O'Brien"),
    ],
)
def test_a_text_is_read_as_a_person_would(text: str, expected: str) -> None:
    assert read(text).text == expected


@given(st.text(max_size=120))
def test_restoring_case_and_joining_lines_keep_the_length(text: str) -> None:
    assert len(truecase(text, lexicon())) == len(text)
    assert len(shout(text)) == len(text)
    assert len(unwrap(text)) == len(text)


def test_a_line_in_capitals_gets_the_capitals_of_names_back() -> None:
    line = "PATIENT JOHN SMITH DENIES CHEST PAIN"
    assert truecase(line, lexicon()) == "patient John Smith denies chest pain"


def test_a_line_with_both_cases_is_left_as_it_is() -> None:
    line = "Patient JOHN Smith denies chest pain"
    assert truecase(line, lexicon()) == line


def test_a_long_line_goes_on_in_the_next_and_a_header_does_not() -> None:
    wrapped = "The patient was transferred to us from Riverside Community\nHospital last night."
    assert "\n" not in unwrap(wrapped)
    header = "Name: John Smith\nMRN: 123"
    assert unwrap(header) == header
