from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.deid.dates import UNREADABLE, keep_year, read_date, shift_date, year_of

DAYS = st.dates(date(1945, 1, 1), date(2035, 1, 1))
FORMS: tuple[Callable[[date], str], ...] = (
    lambda d: d.strftime("%m/%d/%Y"),
    lambda d: f"{d.month}/{d.day}/{d.year}",
    lambda d: d.isoformat(),
    lambda d: d.strftime("%Y/%m/%d"),
    lambda d: d.strftime("%m-%d-%Y"),
    lambda d: d.strftime("%B %d, %Y"),
    lambda d: f"{d.strftime('%b')} {d.day}, {d.year}",
    lambda d: d.strftime("%d %b %Y"),
    lambda d: d.strftime("%d-%b-%Y").upper(),
    lambda d: f"{d.day} of {d.strftime('%B')} {d.year}",
    lambda d: d.strftime("%m%d%Y"),
)


@given(DAYS, st.sampled_from(FORMS), st.integers(-3650, 3650))
def test_a_shifted_date_is_the_day_meant_in_the_same_form(
    day: date, write: Callable[[date], str], days: int
) -> None:
    shifted = shift_date(write(day), days=days, year=None)
    read = read_date(shifted)
    assert read is not None
    assert read.on(year=None) == day + timedelta(days=days)


@given(DAYS, DAYS, st.sampled_from(FORMS), st.sampled_from(FORMS), st.integers(-364, -1))
def test_the_interval_between_two_dates_of_a_patient_is_kept(
    first: date,
    second: date,
    write_first: Callable[[date], str],
    write_second: Callable[[date], str],
    days: int,
) -> None:
    moved = [
        read_date(shift_date(write(day), days=days, year=None))
        for day, write in ((first, write_first), (second, write_second))
    ]
    found = [read.on(year=None) for read in moved if read is not None]
    assert found[0] is not None
    assert found[1] is not None
    assert found[1] - found[0] == second - first


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("03/14/2020", "03/04/2020"),
        ("3/14/20", "3/4/20"),
        ("2020-03-14", "2020-03-04"),
        ("March 14, 2020", "March 4, 2020"),
        ("MARCH 14TH", "MARCH 4TH"),
        ("March 11th, 2020", "March 1st, 2020"),
        ("Mar. 14, 2020", "Mar. 4, 2020"),
        ("14-MAR-2020", "04-MAR-2020"),
        ("14 mar 2020", "4 mar 2020"),
        ("3/14", "3/4"),
        ("03142020", "03042020"),
        ("March 2020", "March 2020"),
        ("Sept 5, 2020", "Aug 26, 2020"),
        ("Tuesday", "Saturday"),
        ("14.03.2020", "04.03.2020"),
        ("2020-03-14 08:30", "2020-03-04 08:30"),
    ],
)
def test_each_form_is_written_as_it_was(text: str, expected: str) -> None:
    assert shift_date(text, days=-10, year=2020) == expected


@pytest.mark.parametrize("text", ["Christmas", "last week", "13/45/2020", "February 30, 2020", ""])
def test_what_cannot_be_read_as_a_day_becomes_a_tag(text: str) -> None:
    assert shift_date(text, days=-10, year=2020) == UNREADABLE


def test_a_date_without_a_year_becomes_a_tag_when_the_note_names_none() -> None:
    assert shift_date("3/14", days=-10, year=None) == UNREADABLE


def test_only_the_year_is_kept() -> None:
    assert keep_year("03/14/2020", not_before=1936) == "2020"


def test_a_date_without_a_year_keeps_nothing() -> None:
    assert keep_year("March 14", not_before=1936) == UNREADABLE


def test_a_year_that_shows_an_age_over_89_is_hidden() -> None:
    assert keep_year("03/14/1936", not_before=1936) == UNREADABLE
    assert keep_year("03/14/1937", not_before=1936) == "1937"


def test_two_digit_years_up_to_forty_are_of_this_century() -> None:
    assert (year_of("1/2/40"), year_of("1/2/41")) == (2040, 1941)
