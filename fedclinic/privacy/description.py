"""What a run did to patients' privacy, as a document that anyone can recompute."""

from importlib.metadata import version
from typing import Annotated, Literal

from pydantic import Field

from fedclinic.errors import EvidenceError
from fedclinic.privacy.accounting import DISCRETIZATION, epsilon
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.records import Record

TOLERANCE = 0.002
"""Relative difference that another version of the accountant may show."""


class PrivacyDescription(Record):
    """Mechanisms in order, and the epsilon of their composition.

    Each mechanism is the Gaussian mechanism on a Poisson sample of the patients, composed `steps`
    times, with sensitivity 1 in units of its clipping norm.
    """

    mechanisms: tuple[Mechanism, ...]
    delta: Annotated[float, Field(gt=0, lt=1)]
    epsilon: Annotated[float, Field(ge=0)]
    unit: Literal["patient"] = "patient"
    adjacency: Literal["add or remove one patient"] = "add or remove one patient"
    accountant: Literal["PLD"] = "PLD"
    software: str
    """Package and version that computed epsilon."""
    discretization: float
    """Grid of the privacy loss; every error is on the safe side."""


def describe(mechanisms: tuple[Mechanism, ...], *, delta: float) -> PrivacyDescription:
    """Describe mechanisms and what they spend together."""
    return PrivacyDescription(
        mechanisms=mechanisms,
        delta=delta,
        epsilon=epsilon(mechanisms, delta=delta),
        software=f"dp-accounting {version('dp-accounting')}",
        discretization=DISCRETIZATION,
    )


def check_description(description: PrivacyDescription) -> None:
    """Recompute a description's epsilon.

    Raises:
        EvidenceError: if it states less than the mechanisms spend.
    """
    found = epsilon(description.mechanisms, delta=description.delta)
    if found > description.epsilon * (1 + TOLERANCE) + 1e-9:
        raise EvidenceError(
            f"the description states epsilon {description.epsilon:.4f}, and its mechanisms spend "
            f"{found:.4f} at delta {description.delta:g}"
        )
