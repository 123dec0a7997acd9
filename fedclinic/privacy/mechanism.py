"""What a round does to a patient's privacy, as a value that an accountant can read."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from fedclinic.records import Count, Probability, Record


class Mechanism(Record):
    """One round of DP-SGD at one site: `steps` Poisson-subsampled Gaussian mechanisms.

    The privacy unit is the patient and adjacency is adding or removing one patient: a step sees
    one note of each patient that joined, or the sum of the notes' gradients before clipping.
    """

    noise_multiplier: PositiveFloat
    """Standard deviation of the noise on the summed gradient, over the clipping norm; no unit."""
    sampling_rate: Probability
    """Probability that a patient joins a step, drawn independently (Poisson)."""
    steps: PositiveInt
    """Optimiser steps in the round."""


class PrivacyPromise(Record):
    """The guarantee a run may reach at most, in the words every report prints."""

    epsilon: PositiveFloat
    delta: Annotated[float, Field(gt=0, lt=1)]
    unit: Literal["patient"] = "patient"
    adjacency: Literal["add or remove one patient"] = "add or remove one patient"
    accountant: Literal["PLD"] = "PLD"


class PrivacySpent(Record):
    """What one site spent in one run so far: the composition of `rounds` mechanisms."""

    epsilon: Annotated[float, Field(ge=0)]
    delta: Annotated[float, Field(gt=0, lt=1)]
    rounds: Count
    unit: Literal["patient"] = "patient"
    adjacency: Literal["add or remove one patient"] = "add or remove one patient"
    accountant: Literal["PLD"] = "PLD"
