"""Counts leave a site rounded, and small ones not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from site_agent.egress import ROUND_TO, summarise
from site_agent.note_store import StoreCounts
from tests.factories import DIGEST


def blurred(count: int) -> int | None:
    return summarise(StoreCounts(count, 0, 0, {}), DIGEST).notes


@pytest.mark.parametrize(
    ("count", "leaves"), [(0, None), (9, None), (10, 10), (14, 10), (16, 20), (1234, 1230)]
)
def test_a_count_leaves_rounded_or_not_at_all(count, leaves):
    assert blurred(count) == leaves


@given(st.integers(0, 10**6))
def test_what_leaves_is_a_multiple_and_close_or_nothing(count):
    leaves = blurred(count)
    if count < ROUND_TO:
        assert leaves is None
    else:
        assert leaves is not None
        assert leaves % ROUND_TO == 0
        assert abs(leaves - count) <= ROUND_TO / 2


def test_every_count_of_a_report_is_blurred_and_patients_are_not_in_it():
    counts = StoreCounts(notes=101, quarantined=3, patients=57, replaced={"PERSON": 77, "AGE": 2})
    summary = summarise(counts, DIGEST)
    assert summary.model_dump() == {
        "policy": DIGEST,
        "notes": 100,
        "quarantined": None,
        "replaced": {"AGE": None, "PERSON": 80},
    }
