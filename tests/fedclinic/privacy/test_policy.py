"""What governance allows, and that its files say it."""

from importlib import resources

import pytest
import yaml
from pydantic import ValidationError

from fedclinic.errors import PolicyError
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.auditing_policy import AuditingPolicy
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.privacy.policy import PrivacyPolicy, check_mechanism, check_promise, largest_delta


def document(name: str) -> dict:
    return yaml.safe_load(resources.files("policies").joinpath(name).read_text(encoding="utf-8"))


POLICY = PrivacyPolicy.model_validate(document("privacy.yaml"))
PLAN = PatientPrivacy(
    protection="patient_dp",
    target_epsilon=8.0,
    delta=1e-5,
    sampling_rate=0.1,
    steps_per_round=10,
    clipping_norm=1.0,
    expected_patients=30.0,
    noise_multiplier=1.0,
)


def test_the_installed_policies_are_valid():
    assert POLICY.delta == 1e-5
    auditing = AuditingPolicy.model_validate(document("auditing.yaml"))
    assert auditing.audit_head
    assert auditing.canaries == 1000


def test_a_plan_within_the_policy_is_allowed():
    check_mechanism(PLAN, POLICY)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target_epsilon": 9.0}, "target epsilon is 9; this site allows 8"),
        ({"delta": 1e-4}, "delta is 0.0001"),
        ({"sampling_rate": 0.9}, "sampling rate"),
        ({"steps_per_round": 5000}, "steps a round"),
        ({"noise_multiplier": 0.1}, r"noise multiplier is 0\.1; this site demands 0\.5"),
        ({"noise_multiplier": None}, "draft"),
    ],
)
def test_a_plan_that_asks_for_more_is_refused_and_told_why(change, words):
    with pytest.raises(PolicyError, match=words):
        check_mechanism(PLAN.model_copy(update=change), POLICY)


def test_delta_stays_below_the_square_of_a_published_number_of_patients():
    small = POLICY.model_copy(update={"public_patients": 1000})
    assert largest_delta(small) == 1e-6
    with pytest.raises(PolicyError, match="delta"):
        check_mechanism(PLAN, small)
    assert largest_delta(POLICY.model_copy(update={"public_patients": 10})) == POLICY.max_delta


@pytest.mark.parametrize("field", PrivacyPolicy.model_fields)
def test_nothing_that_changes_the_guarantee_has_a_default(field):
    fields = {k: v for k, v in document("privacy.yaml").items() if k != field}
    with pytest.raises(ValidationError, match=field):
        PrivacyPolicy.model_validate(fields)


@pytest.mark.parametrize(
    "change",
    [{"epsilon": 0}, {"delta": 0.5}, {"max_sampling_rate": 1.5}, {"max_steps_per_round": -1}],
)
def test_a_policy_that_protects_nobody_is_refused(change):
    with pytest.raises(ValidationError):
        PrivacyPolicy.model_validate({**document("privacy.yaml"), **change})


def test_a_round_past_the_promise_is_refused_by_the_sites_own_arithmetic():
    spent = [Mechanism(noise_multiplier=1.0, sampling_rate=0.1, steps=100)]
    check_promise(PLAN, [], PLAN.mechanism())
    with pytest.raises(PolicyError, match="its plan promised 8"):
        check_promise(PLAN, spent, Mechanism(noise_multiplier=0.7, sampling_rate=0.1, steps=100))
