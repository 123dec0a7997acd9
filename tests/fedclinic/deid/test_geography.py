import pytest

from fedclinic.deid.geography import SPARSE_ZIP3, coarsen_zips, zip3

HHS_2012 = (
    *("036", "059", "063", "102", "203", "556", "692", "790", "821"),
    *("823", "830", "831", "878", "879", "884", "890", "893"),
)
"""The seventeen areas that HHS lists in its guidance of 2012, from the census of 2000."""


@pytest.mark.parametrize("area", HHS_2012)
def test_every_sparse_area_of_the_hhs_guidance_becomes_zeros(area: str) -> None:
    assert zip3(f"{area}01") == "000XX"


def test_other_codes_keep_three_digits() -> None:
    assert (zip3("02115"), zip3("94110-1234")) == ("021XX", "941XX")


def test_a_code_that_is_assigned_to_no_area_becomes_zeros() -> None:
    assert zip3("00001") == "000XX"


def test_codes_are_coarsened_where_they_stand() -> None:
    assert coarsen_zips("Boston, MA 02115-4455 and 82101") == "Boston, MA 021XX and 000XX"


def test_longer_numbers_are_no_codes() -> None:
    assert coarsen_zips("1234567") == "1234567"


def test_the_sparse_areas_are_the_union_of_two_censuses() -> None:
    assert set(HHS_2012) < SPARSE_ZIP3
