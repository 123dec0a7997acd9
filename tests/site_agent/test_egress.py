"""What leaves a site passes its disclosure policy: counts blurred, nothing that is not listed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from fedclinic.deid.agreement import Agreement
from fedclinic.deid.canaries import CanaryCounts, CanaryKind
from fedclinic.errors import PolicyError
from fedclinic.evidence.statement import open_record
from fedclinic.rounds import SiteReport
from site_agent.deid_measures import Measured
from site_agent.egress import REPORT_KIND, disclose_summary, release, summarise
from site_agent.store_measures import StoreCounts
from tests.factories import DIGEST, make_report, make_round_task, make_signing_key
from tests.fakes import installed_disclosure_policy

POLICY = installed_disclosure_policy()
KEY = make_signing_key()


def released(counts: StoreCounts) -> SiteReport:
    task = make_round_task()
    report = make_report(task, deidentification=summarise(counts, DIGEST))
    envelope = release(report, task, POLICY, KEY)
    return open_record(envelope, {KEY.key_id: KEY.public}, REPORT_KIND, SiteReport)


@pytest.mark.parametrize(
    ("count", "leaves"), [(0, None), (9, None), (10, 10), (14, 10), (16, 20), (1234, 1230)]
)
def test_a_count_leaves_rounded_or_not_at_all(count, leaves):
    assert released(StoreCounts(count, 0, 0, {})).deidentification.notes == leaves


@given(st.integers(0, 10**6))
def test_what_leaves_is_a_multiple_and_close_or_nothing(count):
    leaves = released(StoreCounts(count, 0, 0, {})).deidentification.notes
    if count < POLICY.smallest_count:
        assert leaves is None
    else:
        assert leaves is not None
        assert leaves % POLICY.round_counts_to == 0
        assert abs(leaves - count) <= POLICY.round_counts_to / 2


def test_every_count_of_a_report_is_blurred_and_patients_are_not_in_it():
    counts = StoreCounts(notes=101, quarantined=3, patients=57, replaced={"PERSON": 77, "AGE": 2})
    assert released(counts).deidentification.model_dump() == {
        "policy": DIGEST,
        "store": None,
        "notes": 100,
        "quarantined": None,
        "replaced": {"AGE": None, "PERSON": 80},
        "recall": {},
        "recall_low": {},
        "recall_high": {},
    }


def test_measured_recall_leaves_rounded_and_of_enough_canaries_only():
    def counted(kind: CanaryKind, planted: int, found: int) -> CanaryCounts:
        return CanaryCounts(kind=kind, in_header=False, planted=planted, found=found)

    measured = Measured(
        treatment=DIGEST,
        notes=9,
        canaries=(counted(CanaryKind.RARE_NAME, 300, 299), counted(CanaryKind.DATE, 9, 9)),
        agreement=Agreement(),
        baseline_recall=None,
    )
    counts = StoreCounts(notes=101, quarantined=3, patients=57, replaced={})
    summary = summarise(counts, DIGEST, measured)
    told = disclose_summary(summary, installed_disclosure_policy())
    assert told.recall == {"RARE_NAME": 0.99}
    exact = binomtest(299, 300).proportion_ci(method="exact")
    assert told.recall_low == {"RARE_NAME": math.floor(100 * exact.low) / 100}
    assert told.recall_high == {"RARE_NAME": 1.0}


@pytest.mark.parametrize("found", [50, 100, 149])
def test_a_bound_from_above_is_never_rounded_down(found):
    canaries = (CanaryCounts(kind=CanaryKind.DATE, in_header=False, planted=150, found=found),)
    measured = Measured(
        treatment=DIGEST, notes=9, canaries=canaries, agreement=Agreement(), baseline_recall=None
    )
    summary = summarise(StoreCounts(100, 0, 50, {}), DIGEST, measured)
    told = disclose_summary(summary, POLICY)
    exact = binomtest(found, 150).proportion_ci(method="exact")
    assert told.recall_low["DATE"] == pytest.approx(exact.low, abs=0.011)
    assert exact.high <= told.recall_high["DATE"] <= exact.high + 0.011


def test_a_report_with_a_field_that_the_policy_does_not_list_stays_at_the_site():
    without = {k: v for k, v in POLICY.fields["site_report"].items() if k != "nonce"}
    strict = POLICY.model_copy(update={"fields": {"site_report": without}})
    task = make_round_task()
    with pytest.raises(PolicyError, match="no field"):
        release(make_report(task), task, strict, KEY)
