import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.reserved_names import reserved_names
from fedclinic.deid.surrogates import Surrogates
from fedclinic.errors import DeidentificationError
from tests.fedclinic.deid.makers import KEY

NAMES = st.from_regex(
    r"[A-Z][a-z]{2,9}( [A-Z]\.)? [A-Z][a-z]{2,9}(-[A-Z][a-z]{2,7})?", fullmatch=True
)
CODED = [
    EntityKind.MEDICAL_RECORD,
    EntityKind.HEALTH_PLAN,
    EntityKind.ACCOUNT,
    EntityKind.LICENSE,
    EntityKind.VEHICLE,
    EntityKind.DEVICE,
    EntityKind.BIOMETRIC,
    EntityKind.PHOTO,
    EntityKind.OTHER_ID,
]


def make_surrogates(
    patient: str = "p1", key: bytes = KEY, avoid: frozenset[str] = frozenset()
) -> Surrogates:
    return Surrogates(key, patient, avoid)


def words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]{2,}", text)


@pytest.mark.parametrize(
    "spelling", ["John Smith", "Smith, John", "JOHN SMITH", "john smith", "Mr. Smith", "Smith's"]
)
def test_a_word_gets_the_same_surrogate_in_every_spelling(spelling: str) -> None:
    whole = {
        word.lower() for word in words(make_surrogates().replace(EntityKind.PERSON, "John Smith"))
    }
    found = {
        word.lower()
        for word in words(make_surrogates().replace(EntityKind.PERSON, spelling))
        if word.lower() not in {"mr"}
    }
    assert found <= whole


def test_capitals_stay_capitals() -> None:
    surrogate = make_surrogates().replace(EntityKind.PERSON, "SMITH, JOHN")
    assert surrogate.isupper()
    assert make_surrogates().replace(EntityKind.PERSON, "smith").islower()


@given(NAMES)
def test_a_surrogate_name_is_no_word_of_the_name(name: str) -> None:
    surrogate = make_surrogates().replace(EntityKind.PERSON, name)
    assert not {word.lower() for word in words(name)} & {word.lower() for word in words(surrogate)}


@given(NAMES, st.text("abc", min_size=1, max_size=4))
def test_another_patient_gets_another_surrogate_from_the_same_site(name: str, patient: str) -> None:
    ours = make_surrogates("p1").replace(EntityKind.PERSON, name)
    theirs = make_surrogates(f"other-{patient}").replace(EntityKind.PERSON, name)
    assert make_surrogates("p1").replace(EntityKind.PERSON, name) == ours
    assert theirs != ours or len(words(name)) == 1


def test_another_key_makes_other_surrogates() -> None:
    ours = make_surrogates().replace(EntityKind.PERSON, "Gabriella Montgomery")
    assert make_surrogates(key=b"x" * 32).replace(EntityKind.PERSON, "Gabriella Montgomery") != ours


def test_reserved_names_are_many_and_no_dictionary_holds_one() -> None:
    known, names = lexicon(), reserved_names()
    assert len(set(names)) > 5000
    assert not any(
        name.lower() in known.given
        or name.lower() in known.family_rank
        or name.lower() in known.places
        or name.lower() in known.ordinary
        for name in names
    )


@given(NAMES, st.sets(st.sampled_from(reserved_names()), max_size=200))
def test_no_surrogate_equals_a_value_of_the_cohort(name: str, cohort: set[str]) -> None:
    avoid = frozenset(value.lower() for value in cohort)
    surrogate = make_surrogates(avoid=avoid).replace(EntityKind.PERSON, name)
    assert not avoid & {word.lower() for word in words(surrogate)}


@given(st.sampled_from(CODED), st.from_regex(r"[A-Z]{0,3}-?[0-9]{4,9}", fullmatch=True))
def test_a_surrogate_number_has_the_form_of_the_number_and_differs(
    kind: EntityKind, number: str
) -> None:
    def form(text: str) -> str:
        return re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"\d", "0", text)))

    surrogate = make_surrogates().replace(kind, number)
    assert surrogate != number
    assert form(surrogate) == form(number)


@given(st.from_regex(r"[0-9]{6}", fullmatch=True))
def test_no_surrogate_number_equals_a_number_of_the_cohort(number: str) -> None:
    first = make_surrogates().replace(EntityKind.MEDICAL_RECORD, number)
    second = make_surrogates(avoid=frozenset({first})).replace(EntityKind.MEDICAL_RECORD, number)
    assert second not in (first, number)


def test_when_every_candidate_is_a_real_value_the_note_is_refused() -> None:
    every = frozenset(f"{number:04d}" for number in range(10_000))
    with pytest.raises(DeidentificationError, match="no surrogate is left"):
        make_surrogates(avoid=every).replace(EntityKind.MEDICAL_RECORD, "7712")


def test_a_note_full_of_house_numbers_is_not_refused() -> None:
    digits = frozenset(str(digit) for digit in range(100))
    assert make_surrogates(avoid=digits).replace(EntityKind.LOCATION, "7 Elm St") != "7 Elm St"


@pytest.mark.parametrize(
    "number", ["(617) 555-2368", "617-555-2368", "+1 617 555 2368", "6175552368"]
)
def test_a_surrogate_telephone_number_is_of_the_range_kept_for_fiction(number: str) -> None:
    surrogate = make_surrogates().replace(EntityKind.PHONE_NUMBER, number)
    assert re.sub(r"\D", "", surrogate)[-7:-2] == "55501"
    assert re.sub(r"\d", "0", surrogate) == re.sub(r"\d", "0", number)


def test_an_extension_alone_gets_other_digits() -> None:
    surrogate = make_surrogates().replace(EntityKind.PHONE_NUMBER, "x4615")
    assert surrogate != "x4615"
    assert len(surrogate) == 5


def test_surrogate_addresses_on_the_network_are_of_the_reserved_ranges() -> None:
    surrogates = make_surrogates()
    assert surrogates.replace(EntityKind.EMAIL_ADDRESS, "a.b@x.com").endswith("@example.org")
    assert surrogates.replace(EntityKind.URL, "www.x.com").startswith("https://example.org/")
    assert surrogates.replace(EntityKind.IP_ADDRESS, "10.1.2.3").startswith("192.0.2.")
    assert surrogates.replace(EntityKind.IP_ADDRESS, "fe80::1").startswith("2001:db8::")


def test_a_surrogate_social_security_number_was_never_given_to_anyone() -> None:
    assert make_surrogates().replace(EntityKind.US_SSN, "219-09-9999").startswith("000-")


def test_what_kind_of_place_it_is_stays_readable() -> None:
    place = make_surrogates().replace(EntityKind.ORGANIZATION, "Riverside Community Hospital")
    assert place.endswith("Community Hospital")
    assert "Riverside" not in place


def test_a_zip_code_keeps_three_digits_and_the_state_stays() -> None:
    place = make_surrogates().replace(EntityKind.LOCATION, "Albany, NY 12207")
    assert place.endswith(", NY 122XX")


@given(st.text(min_size=1, max_size=20), st.integers(7, 3650))
def test_dates_of_a_patient_move_back_by_at_least_a_day(patient: str, max_days: int) -> None:
    days = make_surrogates(patient).days(max_days=max_days, whole_weeks=False)
    assert -max_days <= days <= -1


@given(st.text(min_size=1, max_size=20), st.integers(7, 3650))
def test_whole_weeks_keep_the_day_of_the_week(patient: str, max_days: int) -> None:
    days = make_surrogates(patient).days(max_days=max_days, whole_weeks=True)
    assert days % 7 == 0
    assert -max_days <= days <= -7


def test_neither_the_key_nor_the_patient_shows_in_a_repr() -> None:
    shown = repr(make_surrogates("patient-77", b"secret-key-secret-key"))
    assert "patient-77" not in shown
    assert "secret" not in shown
