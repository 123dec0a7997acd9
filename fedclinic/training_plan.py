"""How a site trains by a plan: its optimiser, and the privacy of its patients."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from fedclinic.privacy.mechanism import Mechanism
from fedclinic.records import Probability, Record


class Optimizer(Record):
    """How a site turns (noised) mean gradients into its update."""

    name: Literal["sgd", "adam"]
    learning_rate: PositiveFloat
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    head_factor: PositiveFloat = 1.0
    """Learning rate of the task head over that of the blocks."""
    decay: Literal["none", "linear"] = "none"
    """Schedule over the steps of the whole run."""

    def rates(self, *, round_number: int, rounds: int, steps: int) -> list[float]:
        """Learning rate of the blocks at each of a round's steps; the head's is a factor of it."""
        if self.decay == "none":
            return [self.learning_rate] * steps
        done = [(round_number - 1 + step / steps) / rounds for step in range(steps)]
        return [self.learning_rate * (1 - progress) for progress in done]


class PatientPrivacy(Record):
    """Patient-level DP-SGD with constants that never depend on a site's data."""

    protection: Literal["patient_dp"]
    target_epsilon: PositiveFloat
    """Epsilon of the whole run at every site; the noise multiplier is calibrated to it."""
    delta: Annotated[float, Field(gt=0, le=1e-3)]
    sampling_rate: Probability
    steps_per_round: PositiveInt
    clipping_norm: PositiveFloat
    expected_patients: PositiveFloat
    """The divisor of the noised sum, in patients a step: a constant, never computed from N."""
    contribution: Literal["one_note", "all_notes"] = "one_note"
    """What a patient who joins a step brings: a note drawn at random, or the sum of all notes'
    gradients, clipped once. Neither changes the guarantee; all notes cost as many times the work
    and memory."""
    noise_multiplier: PositiveFloat | None = None
    """None in a draft: `calibrate` fills it in before the plan is signed."""

    def mechanism(self) -> Mechanism:
        """One round's mechanism.

        Raises:
            ValueError: if the plan is a draft without a noise multiplier.
        """
        if self.noise_multiplier is None:
            raise ValueError("the plan has no noise multiplier: calibrate it first")
        return Mechanism(
            noise_multiplier=self.noise_multiplier,
            sampling_rate=self.sampling_rate,
            steps=self.steps_per_round,
        )


class Unprotected(Record):
    """Ordinary local epochs without privacy: for notes that a site declares public or synthetic."""

    protection: Literal["none"]
    epochs_per_round: PositiveInt
    batch_notes: PositiveInt
    seed: Annotated[int, Field(ge=0)]
    """Fixes the order of notes, so that a run can be repeated exactly."""


Privacy = Annotated[PatientPrivacy | Unprotected, Field(discriminator="protection")]
