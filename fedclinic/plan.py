"""The signed plan of a federation (`federation.yaml`): every constant that sites agree to."""

from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import (
    Field,
    JsonValue,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    field_validator,
    model_validator,
)

from fedclinic.digest import canonical_json, digest_bytes
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.records import Digest, Name, Probability, Record
from fedclinic.transports import PrefectTransport, Transport

Label = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Task(Record):
    """What the model learns."""

    kind: Literal["document_classification", "token_classification"]
    labels: Annotated[tuple[Label, ...], Field(min_length=1)]
    """Document labels, or entity types without their B-/I- prefix; their order is the head's."""
    max_tokens: Annotated[int, Field(ge=8, le=8192)]
    """Tokens of a note that the model sees; the rest is cut off (documents) or split (tokens)."""

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("a label is listed twice")
        return self


class BaseModelRef(Record):
    """The pre-trained model that stays frozen except for the chosen layers."""

    name: Name
    """The name under which a site's `models` maps to a local folder; `minilm` is embedded."""
    digest: Digest | None = None
    """Digest of the model folder; a site refuses a folder with another digest. None: not pinned."""


class Layers(Record):
    """Which blocks train; everything else is frozen and never travels."""

    top: Annotated[int, Field(ge=0)]
    """Number of blocks nearest the output that train at full rank, beside the task head."""
    parameters: Literal["all", "biases"] = "all"
    """Of these blocks: every tensor, or only biases and normalisation, of which there are few, so
    that little noise is added under DP (BitFit, arXiv 2106.10199; DP-BiTFiT, arXiv 2210.00036)."""


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


class Method(Record):
    """How the coordinator folds updates into the global model."""

    name: Literal["fedavg", "local_only"]
    server_learning_rate: PositiveFloat = 1.0


class PlannedSite(Record):
    name: Name
    weight: PositiveFloat
    """Aggregation weight, fixed in the plan: note counts would leak. Normalised over the plan."""


class Admission(Record):
    """What an update must satisfy before it is used."""

    max_update_norm: PositiveFloat
    """L2 bound of one round's update; a larger one is quarantined."""
    dtype: Literal["F32", "BF16"] = "F32"
    """Element type on the wire, of deltas."""


class Schedule(Record):
    """When a deployed federation starts a run by itself."""

    cron: Annotated[str, StringConstraints(pattern=r"^\S+( \S+){4}$")]
    """Minute, hour, day of month, month, day of week."""
    timezone: str
    """Where the clock of `cron` hangs, such as Europe/Amsterdam."""

    @field_validator("timezone")
    @classmethod
    def _timezone_is_known(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"no time zone is called '{name}'")
        return name


class Evaluation(Record):
    """Where the global model is measured: public, synthetic or consented notes."""

    site_config: str
    """Path of the site.yaml of the evaluation notes, relative to the plan."""
    every_rounds: PositiveInt = 1


class Variant(Record):
    """The same federation run another way, to be compared with: what is None stays the plan's."""

    name: Name
    title: str
    on_request: bool = False
    """Run only when a comparison is asked for."""
    method: Method | None = None
    layers: Layers | None = None
    optimizer: Optimizer | None = None
    privacy: Privacy | None = None
    rounds: Annotated[int, Field(ge=1, le=10_000)] | None = None
    pooled_config: str | None = None
    """Path of a site.yaml that holds every site's notes: one site trains on all of them."""


_NOT_AGREED = ("transport", "evaluation", "schedule", "comparison")
"""What is the coordinator's own affair, and no part of the digest that sites see."""


class FederationPlan(Record):
    """`federation.yaml`, checked. Its digest names the plan in everything that is signed."""

    federation: Name
    task: Task
    base_model: BaseModelRef
    layers: Layers
    method: Method
    rounds: Annotated[int, Field(ge=1, le=10_000)]
    optimizer: Optimizer
    privacy: Privacy
    admission: Admission
    sites: Annotated[tuple[PlannedSite, ...], Field(min_length=1)]
    quorum: PositiveInt
    deadline_minutes: PositiveFloat
    transport: Transport
    evaluation: Evaluation
    schedule: Schedule | None = None
    """For `fedclinic deploy`; None: runs are started by hand."""
    comparison: tuple[Variant, ...] = ()

    @model_validator(mode="after")
    def _sites_are_consistent(self) -> Self:
        names = [site.name for site in self.sites]
        if len(set(names)) != len(names):
            raise ValueError("a site is listed twice")
        if "evaluation" in names:
            raise ValueError("no site is called 'evaluation': the evaluation notes are")
        if self.quorum > len(names):
            raise ValueError(f"quorum {self.quorum} is larger than the {len(names)} sites")
        if isinstance(self.transport, PrefectTransport):
            missing = sorted(set(names) - self.transport.site_keys.keys())
            if missing:
                raise ValueError(f"transport.site_keys has no key of site {missing[0]}")
        return self

    def digest(self) -> Digest:
        """Digest of what sites agree to."""
        return digest_bytes(canonical_json(self.agreed()))

    def agreed(self) -> dict[str, JsonValue]:
        """What sites agree to; where the coordinator keeps its files is no part of it."""
        return self.model_dump(mode="json", exclude=set(_NOT_AGREED))

    def is_protected(self) -> bool:
        return isinstance(self.privacy, PatientPrivacy)

    def site_names(self) -> tuple[str, ...]:
        return tuple(site.name for site in self.sites)

    def weights(self) -> dict[str, float]:
        """Aggregation weights that sum to 1 over all sites of the plan."""
        total = sum(site.weight for site in self.sites)
        return {site.name: site.weight / total for site in self.sites}
