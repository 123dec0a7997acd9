"""What a site's governance allows a plan to ask of patients' privacy (`policies/privacy.yaml`)."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from fedclinic.errors import PolicyError
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.accounting import epsilon
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.records import Probability, Record


class PrivacyPolicy(Record):
    """Budgets of a cohort and limits of a plan; nothing here has a default.

    A cohort is the patients first seen in one year. Its budget is (epsilon, delta) for adding or
    removing one patient, over all runs together, held by the site's ledger.
    """

    epsilon: PositiveFloat
    """Budget of a cohort for life."""
    yearly_epsilon: PositiveFloat
    """Budget of a cohort in one calendar year (UTC)."""
    delta: Annotated[float, Field(gt=0, le=1e-3)]
    """Delta of both budgets."""
    max_run_epsilon: PositiveFloat
    """Largest epsilon that one run's plan may aim at."""
    max_delta: Annotated[float, Field(gt=0, le=1e-3)]
    """Largest delta that a plan may state; above 1e-5 is a decision that somebody signs here."""
    public_patients: PositiveInt | None
    """A published lower bound n on the site's patients: then also delta <= 1/n^2. Null: none."""
    min_noise_multiplier: PositiveFloat
    max_sampling_rate: Probability
    max_steps_per_round: PositiveInt


def check_mechanism(planned: PatientPrivacy, policy: PrivacyPolicy) -> None:
    """Refuse a plan that asks for more than the policy allows, before anything is read.

    Raises:
        PolicyError: naming the first limit that the plan passes.
    """
    if planned.noise_multiplier is None:
        raise PolicyError("the plan is a draft: it has no noise multiplier")
    limits = (
        ("target epsilon", planned.target_epsilon, policy.max_run_epsilon),
        ("delta", planned.delta, largest_delta(policy)),
        ("sampling rate", planned.sampling_rate, policy.max_sampling_rate),
        ("steps a round", planned.steps_per_round, policy.max_steps_per_round),
    )
    for what, asked, largest in limits:
        if asked > largest:
            raise PolicyError(f"the plan's {what} is {asked:g}; this site allows {largest:g}")
    if planned.noise_multiplier < policy.min_noise_multiplier:
        raise PolicyError(
            f"the plan's noise multiplier is {planned.noise_multiplier:g}; this site demands "
            f"{policy.min_noise_multiplier:g}"
        )


def check_promise(planned: PatientPrivacy, spent: list[Mechanism], next_round: Mechanism) -> None:
    """Refuse a round after which the run would have spent more than its plan promised.

    Recomputed by the PLD accountant from what this site did, for adding or removing one patient:
    the plan's own arithmetic is not taken on trust.

    Raises:
        PolicyError: if the run would pass `planned.target_epsilon`.
    """
    after = epsilon([*spent, next_round], delta=planned.delta)
    if after > planned.target_epsilon:
        raise PolicyError(
            f"this round would bring the run to epsilon {after:.4f}; its plan promised "
            f"{planned.target_epsilon:g} at delta {planned.delta:g}"
        )


def largest_delta(policy: PrivacyPolicy) -> float:
    """The delta that a plan may state at most."""
    if policy.public_patients is None:
        return policy.max_delta
    return min(policy.max_delta, 1.0 / policy.public_patients**2)
