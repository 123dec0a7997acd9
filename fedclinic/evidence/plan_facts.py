"""The few facts of plans and tasks that verification needs, read from those of any version."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from fedclinic.errors import EvidenceError
from fedclinic.privacy.mechanism import Mechanism


class _Facts(BaseModel):
    """Unlike a Record it passes over what it does not know: other versions have other fields."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class TaskFacts(_Facts):
    """What ties a report to the task that it answers."""

    run: str
    round_number: int
    attempt: int
    site: str
    plan_digest: str
    nonce: str
    dropout: dict[str, Any] | None = None
    """Layer dropout that a configurator chose for the site."""


class SiteFacts(_Facts):
    name: str
    weight: float


class PrivacyFacts(_Facts):
    protection: str
    target_epsilon: float | None = None
    delta: float | None = None
    noise_multiplier: float | None = None
    sampling_rate: float | None = None
    steps_per_round: int | None = None


class AdmissionFacts(_Facts):
    max_update_norm: float
    dtype: Literal["F32", "BF16"]


class PlanFacts(_Facts):
    """What a plan promised."""

    rounds: int
    quorum: int
    sites: tuple[SiteFacts, ...]
    privacy: PrivacyFacts
    admission: AdmissionFacts

    @property
    def protected(self) -> bool:
        return self.privacy.protection != "none"

    def mechanism(self) -> Mechanism:
        """One round's mechanism, of a protected plan.

        Raises:
            ValidationError: if the plan lacks a part of it.
        """
        return Mechanism.model_validate(
            {
                "noise_multiplier": self.privacy.noise_multiplier,
                "sampling_rate": self.privacy.sampling_rate,
                "steps": self.privacy.steps_per_round,
            }
        )


def read_plan_facts(plan: dict[str, Any]) -> PlanFacts:
    """Read what is needed of a plan.

    Raises:
        EvidenceError: if a fact is missing, as in a plan of another version.
    """
    try:
        facts = PlanFacts.model_validate(plan)
        if facts.protected:
            facts.mechanism()
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise EvidenceError(f"plan: field {field} is missing or another version's") from None
    return facts
