"""Nothing leaves a site that its policy does not name."""

from importlib import resources

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.digest import canonical_json
from fedclinic.errors import ErrorCode, PolicyError
from fedclinic.privacy.disclosure import DisclosurePolicy, blur, disclose, noised_metric
from fedclinic.privacy.mechanism import Mechanism, PrivacySpent
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.rounds import (
    BudgetLeft,
    DeidentificationSummary,
    LedgerHead,
    SiteReport,
    UpdateManifest,
)

POLICY = DisclosurePolicy.model_validate(
    yaml.safe_load(resources.files("policies").joinpath("disclosure.yaml").read_text("utf-8"))
)
DIGEST, NONCE = "sha256:" + "a" * 64, "0" * 32
KNOWN = frozenset({"run-a", "st_elsewhere", NONCE})
PHI = "Quillfeather, Ottoline MRN 48213"


def report(**changes: object) -> SiteReport:
    fields: dict[str, object] = {
        "run": "run-a",
        "round_number": 3,
        "attempt": 1,
        "site": "st_elsewhere",
        "plan_digest": DIGEST,
        "nonce": NONCE,
        "status": "completed",
        "update": UpdateManifest(blob=DIGEST, bytes=10, parameters=5, norm=0.5),
        "privacy": PrivacySpent(epsilon=2.5, delta=1e-5, rounds=3),
        "budget": BudgetLeft(spent_epsilon=3.0, cap_epsilon=8.0, delta=1e-5),
        "ledger": LedgerHead(sequence=9, hash="b" * 64),
        "deidentification": DeidentificationSummary(
            policy=DIGEST, notes=1234, quarantined=3, replaced={"PERSON": 5678, "AGE": 4}
        ),
    }
    return SiteReport.model_validate({**fields, **changes})


def let_out(message: dict) -> dict:
    return disclose("site_report", message, POLICY, known=KNOWN)


def test_a_report_leaves_with_rounded_counts_and_small_ones_suppressed():
    out = SiteReport.model_validate(let_out(report().model_dump(mode="json")))
    assert out.deidentification is not None
    assert out.deidentification.notes == 1230
    assert out.deidentification.quarantined is None
    assert out.deidentification.replaced == {"PERSON": 5680, "AGE": None}
    changed = {"deidentification": None}
    assert out.model_copy(update=changed) == report().model_copy(update=changed)


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_code_may_leave(code):
    message = report(status="failed", error=code, update=None).model_dump(mode="json")
    assert let_out(message)["error"] == code


def leaves(message: dict, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in message.items():
        if isinstance(value, dict):
            found += leaves(value, (*path, key))
        else:
            found.append((*path, key))
    return found


def planted(path: tuple[str, ...], value: object) -> dict:
    message = report().model_dump(mode="json")
    inner = message
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return message


ALL_FIELDS = leaves(report().model_dump(mode="json"))


@pytest.mark.parametrize("path", ALL_FIELDS, ids=".".join)
@pytest.mark.parametrize("value", [PHI, [PHI], 1.5e300, True, -1, {PHI: 1}], ids=repr)
def test_what_is_planted_in_any_field_does_not_get_out(path, value):
    try:
        out = let_out(planted(path, value))
    except PolicyError as refusal:
        assert "Quillfeather" not in str(refusal)
        return
    assert PHI.encode() not in canonical_json(out)
    assert type(value) in (int, float)


@given(st.text(min_size=1).filter(lambda text: text not in POLICY.words and text not in KNOWN))
def test_no_text_that_nobody_agreed_to_gets_out_of_any_field(text):
    for path in ALL_FIELDS:
        with pytest.raises(PolicyError):
            let_out(planted(path, text))


@pytest.mark.parametrize(
    "extra",
    [
        {"loss": 0.31},
        {"patients": 412},
        {"note": PHI},
        {"metrics": {"f1": 0.9}},
        {PHI: 1},
    ],
    ids=["loss", "patients", "note", "metrics", "key"],
)
def test_a_field_that_the_policy_does_not_name_stops_the_message(extra):
    with pytest.raises(PolicyError, match="no field") as refusal:
        let_out({**report().model_dump(mode="json"), **extra})
    assert "Quillfeather" not in str(refusal.value)


def test_a_key_among_counts_that_is_no_kind_of_identifier_stops_the_message():
    message = planted(("deidentification", "replaced"), {PHI: 200})
    with pytest.raises(PolicyError, match="unknown") as refusal:
        let_out(message)
    assert "Quillfeather" not in str(refusal.value)


def test_a_message_of_a_kind_that_nobody_agreed_to_does_not_leave():
    with pytest.raises(PolicyError, match="kind debug"):
        disclose("debug", {}, POLICY, known=KNOWN)


def test_what_is_withheld_leaves_as_null():
    rules = {**POLICY.fields["site_report"], "update.norm": "withheld"}
    policy = POLICY.model_copy(update={"fields": {"site_report": rules}})
    out = disclose("site_report", report().model_dump(mode="json"), policy, known=KNOWN)
    assert out["update"]["norm"] is None


@given(st.integers(0, 10**6))
def test_a_blurred_count_is_rounded_or_nothing(count):
    blurred = blur(count, POLICY)
    assert (blurred is None) == (count < POLICY.smallest_count)
    assert blurred is None or (blurred % 10 == 0 and abs(blurred - count) <= 5)


METRIC = Mechanism(noise_multiplier=2.0, sampling_rate=1.0, steps=1)


def test_a_metric_is_clipped_divided_by_a_constant_and_noised():
    stream = RandomStream(b"\x03" * 32)
    values = np.array([0.5, 9.0, -9.0, np.nan, 0.25])
    drawn = [
        noised_metric(values, bound=1.0, expected_patients=4.0, mechanism=METRIC, stream=stream)
        for _ in range(4000)
    ]
    assert np.mean(drawn) == pytest.approx(0.75 / 4, abs=0.03)
    assert np.std(drawn) == pytest.approx(2.0 / 4, rel=0.05)


def test_a_metric_under_a_sampled_mechanism_is_refused():
    with pytest.raises(PolicyError, match="one step over all patients"):
        noised_metric(
            np.zeros(3),
            bound=1.0,
            expected_patients=4.0,
            mechanism=METRIC.model_copy(update={"sampling_rate": 0.5}),
            stream=RandomStream(b"\x03" * 32),
        )


PREPARED = {
    "run": "run-a",
    "site": "st_elsewhere",
    "nonce": NONCE,
    "base_model": DIGEST,
    "shapes": {"head.weight": [3, 16], "head.bias": [3]},
    "model_parameters": 100,
    "deidentification": None,
}
TESTED = {
    "at": 60.0,
    "site": "st_elsewhere",
    "code": DIGEST,
    "image": None,
    "verdict": "pass",
    "checks": {"rate": "pass"},
}
TENSORS = KNOWN | {"head.weight", "head.bias"}


def test_tables_leave_whose_keys_and_values_are_all_listed():
    assert disclose("site_prepared", PREPARED, POLICY, known=TENSORS) == PREPARED
    assert disclose("self_tested", TESTED, POLICY, known=KNOWN) == TESTED


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("site_prepared", PREPARED | {"shapes": {PHI: [3]}}),
        ("site_prepared", PREPARED | {"shapes": {"head.bias": [PHI]}}),
        ("site_prepared", PREPARED | {"shapes": {"head.bias": 3}}),
        ("site_prepared", PREPARED | {"shapes": {"head.bias": [0.5]}}),
        ("site_prepared", PREPARED | {"shapes": PHI}),
        ("self_tested", TESTED | {"checks": {PHI: "pass"}}),
        ("self_tested", TESTED | {"checks": {"rate": PHI}}),
        ("self_tested", TESTED | {"checks": [PHI]}),
    ],
)
def test_nothing_leaves_in_a_table_that_is_not_listed(kind, message):
    with pytest.raises(PolicyError) as caught:
        disclose(kind, message, POLICY, known=TENSORS)
    assert PHI not in str(caught.value)


def test_a_cohort_leaves_as_a_year_and_as_nothing_else():
    message = {"cohorts": ["2025", "2026"]}
    assert disclose("budget_reserved", message, POLICY, known=KNOWN) == message
    with pytest.raises(PolicyError, match="not a year"):
        disclose("budget_reserved", {"cohorts": ["2025", PHI]}, POLICY, known=KNOWN)
