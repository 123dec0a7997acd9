import re
from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.synthetic import numbers
from fedclinic.synthetic.dates import full_date, loose_date, month_and_year, near
from fedclinic.synthetic.lexicon import composed_name, lexicon
from fedclinic.synthetic.people import make_name, make_person

SEEDS = st.integers(0, 1_000_000).map(Random)
DAYS = st.dates(date(1920, 1, 1), date(2025, 12, 31))


@given(SEEDS, st.integers(1, 3))
def test_a_composed_name_is_in_no_list_of_names(rng: Random, syllables: int):
    assert composed_name(rng, syllables=syllables).lower() not in lexicon().known


@given(SEEDS, st.sampled_from("FM"))
def test_a_listed_name_has_a_listed_first_name_and_keeps_its_length_in_capitals(
    rng: Random, sex: str
):
    name = make_name(rng, sex=sex, composed=0.0)
    assert name.first.lower() in lexicon().known
    assert len(str(name).upper()) == len(str(name).lower()) == len(str(name))


@pytest.mark.parametrize(
    ("day", "age"), [(date(2020, 2, 28), 89), (date(2020, 3, 1), 90), (date(2021, 2, 28), 90)]
)
def test_an_age_grows_on_the_birthday_and_not_before(day: date, age: int):
    person = make_person(Random(1), "p1", composed=0.0)
    born = type(person)(**{**vars(person), "born": date(1930, 3, 1)})
    assert born.age_on(day) == age


@given(SEEDS)
def test_the_roster_holds_every_direct_identifier_of_the_patient(rng: Random):
    person = make_person(rng, "p1", composed=0.2)
    values = {value for _, value in person.known().values}
    assert {str(person.name), person.mrn, person.ssn, person.phone, person.email} <= values
    assert {person.address.street, person.health_plan, person.account} <= values
    assert {str(name) for _, name in person.relatives} <= values


@given(SEEDS)
def test_the_repr_of_a_person_shows_nothing_but_the_sex(rng: Random):
    person = make_person(rng, "p1", composed=0.2)
    assert repr(person) == f"Person(sex={person.sex!r})"


@given(SEEDS, DAYS)
def test_no_date_is_written_as_a_year_alone(rng: Random, day: date):
    for written in (full_date(rng, day), loose_date(rng, day), month_and_year(rng, day)):
        assert not re.fullmatch(r"\D*\d{4}\D*", written) or re.search(r"[A-Z]", written)


@given(SEEDS, DAYS)
def test_a_full_date_holds_the_day_and_the_last_digits_of_the_year(rng: Random, day: date):
    written = full_date(rng, day)
    assert str(day.day) in written and f"{day.year % 100:02d}" in written


@given(SEEDS, DAYS, st.integers(-99, 99), st.integers(0, 99))
def test_a_near_day_lies_within_its_bounds(rng: Random, day: date, low: int, width: int):
    assert low <= (near(rng, day, days=(low, low + width)) - day).days <= low + width


@given(SEEDS)
def test_a_pattern_is_filled_place_by_place(rng: Random):
    assert re.fullmatch(r"[1-9]\d-[A-Z]x\.", numbers.from_pattern(rng, "%#-?x."))


@given(SEEDS)
def test_an_address_on_the_net_has_four_numbers_below_256(rng: Random):
    parts = numbers.ip_address(rng).split(".")
    assert len(parts) == 4 and all(0 < int(part) < 256 for part in parts)
