"""The signed plan of a federation (`federation.yaml`): every constant that sites agree to."""

from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import (
    BeforeValidator,
    Field,
    JsonValue,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from fedclinic.chosen_layers import Layers
from fedclinic.digest import canonical_json, digest_bytes
from fedclinic.label_union import check_names, check_union
from fedclinic.method_fit import check_fit, check_personal, check_sites
from fedclinic.method_plan import (
    METHOD_NAMES,
    Centralised,
    Method,
    SplitNN,
    brought_adapter,
    brought_layers,
)
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.records import Digest, Name, Probability, Record
from fedclinic.transports import PrefectTransport, Transport

__all__ = [
    "Admission",
    "BaseModelRef",
    "Evaluation",
    "FederationPlan",
    "Label",
    "Layers",
    "Method",
    "Optimizer",
    "PatientPrivacy",
    "PlannedSite",
    "Privacy",
    "Task",
    "Transport",
    "Unprotected",
    "Variant",
]

EVALUATION_SITE = "evaluation"
"""The name under which a plan's evaluation notes are prepared and measured on."""
LEAST_WRITTEN_TOKENS = 64

Label = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Task(Record):
    """What the model learns."""

    kind: Literal[
        "document_classification",
        "multilabel_classification",
        "token_classification",
        "language_modelling",
    ]
    labels: tuple[Label, ...] = ()
    """Document labels, or entity types without their B-/I- prefix; their order is the head's.
    A language model has none: it learns the next token."""
    label_weights: dict[Label, PositiveFloat] = {}
    """Loss of a document with that label over that of one whose label is not named here. Sites
    agree to them; none is computed from a site's own counts, which it would tell."""
    max_tokens: Annotated[int, Field(ge=8, le=8192)]
    """Tokens of a note that the model sees; the rest is cut off (documents) or split (tokens)."""
    own_labels: dict[Label, Label] = {}
    """In a task that a site is given: which of `labels` it annotates, by the names that its notes
    have for them; empty: all, by these names. A plan says it under `sites`."""

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("a label is listed twice")
        least = {"language_modelling": 0, "multilabel_classification": 2}.get(self.kind, 1)
        if len(self.labels) < least or (self.labels and not least):
            raise ValueError(f"labels: {self.kind} has {f'at least {least}' if least else 'none'}")
        return self

    @model_validator(mode="after")
    def _weights_are_of_labels(self) -> Self:
        if self.label_weights and self.kind != "document_classification":
            raise ValueError(f"label_weights are for document_classification, not {self.kind}")
        if unknown := sorted(set(self.label_weights) - set(self.labels)):
            raise ValueError(f"label_weights: {unknown[0]!r} is no label of this task")
        return self


class BaseModelRef(Record):
    """The pre-trained model that stays frozen except for the chosen layers."""

    name: Name
    """The name under which a site's `models` maps to a local folder; `minilm` is embedded."""
    digest: Digest | None = None
    """Digest of the model folder; a site refuses a folder with another digest. None: not pinned."""
    blocks: PositiveInt | None = None
    """Number of transformer blocks, so that a wrong choice of layers shows before any site is
    asked; a site refuses a model with another number. None: sites find out."""
    attention: Literal["own", "bidirectional"] = "own"
    """Let a decoder's tokens see those that follow, which token classification may gain from."""


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


def _named(labels: Any) -> Any:
    """A list of labels as a mapping from each to itself."""
    return {label: label for label in labels} if isinstance(labels, (list, tuple)) else labels


OwnLabels = Annotated[dict[Label, Label], BeforeValidator(_named)]


class PlannedSite(Record):
    name: Name
    weight: PositiveFloat
    """Aggregation weight, fixed in the plan: note counts would leak. Normalised over the plan."""
    labels: OwnLabels = {}
    """For token classification: the labels that this site annotates, a list of some of the task's,
    or a mapping from the site's own names to them. Empty: all. Its unmarked tokens say nothing of
    labels that it does not annotate."""


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
    labels: OwnLabels = {}
    """The labels that these notes annotate, as at a site: what else is predicted does not count."""
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

    @model_validator(mode="before")
    @classmethod
    def _take_what_the_method_brings(cls, values: Any) -> Any:
        return with_brought_layers(values) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _method_fits(self) -> Self:
        if isinstance(self.method, SplitNN):
            raise ValueError(
                "method: splitnn would send activations of notes out of the hospital, from which "
                "texts can be read back: it is a baseline of the simulator; allowed: "
                f"{', '.join(METHOD_NAMES)}"
            )
        if isinstance(self.method, Centralised) and len(self.sites) > 1:
            raise ValueError("method: centralised has one site, which holds every note")
        check_layers(self.method, self.layers, self.base_model)
        return self

    @model_validator(mode="after")
    def _label_sets_are_a_union(self) -> Self:
        if self.task.own_labels:
            raise ValueError("task.own_labels is given to one site: write it under sites, labels")
        names = {site.name: site.labels for site in self.sites}
        check_union(self.task.kind, self.task.labels, names)
        check_names(self.task.kind, self.task.labels, EVALUATION_SITE, self.evaluation.labels)
        return self

    @model_validator(mode="after")
    def _a_planted_identifier_fits_in(self) -> Self:
        writes = self.task.kind == "language_modelling"
        if writes and self.task.max_tokens < LEAST_WRITTEN_TOKENS:
            raise ValueError(
                f"task.max_tokens: a language model reads {LEAST_WRITTEN_TOKENS} tokens at least, "
                "which hold the planted identifiers that it is tested with"
            )
        return self

    @model_validator(mode="after")
    def _sites_are_consistent(self) -> Self:
        names = [site.name for site in self.sites]
        if len(set(names)) != len(names):
            raise ValueError("a site is listed twice")
        if EVALUATION_SITE in names:
            raise ValueError(f"no site is called '{EVALUATION_SITE}': the evaluation notes are")
        if self.quorum > len(names):
            raise ValueError(f"quorum {self.quorum} is larger than the {len(names)} sites")
        check_sites(self.method, names)
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

    def task_at(self, site: str) -> Task:
        """The task as a site is given it, with what it calls the labels that it annotates."""
        names = {each.name: each.labels for each in self.sites}
        own = (names | {EVALUATION_SITE: self.evaluation.labels}).get(site)
        return self.task.model_copy(update={"own_labels": own}) if own else self.task

    def is_protected(self) -> bool:
        return isinstance(self.privacy, PatientPrivacy)

    def site_names(self) -> tuple[str, ...]:
        return tuple(site.name for site in self.sites)

    def weights(self) -> dict[str, float]:
        """Aggregation weights that sum to 1 over all sites of the plan."""
        total = sum(site.weight for site in self.sites)
        return {site.name: site.weight / total for site in self.sites}


_METHOD: TypeAdapter[Method] = TypeAdapter(Method)


def with_brought_layers(values: dict[str, Any]) -> dict[str, Any]:
    """Write the blocks or adapter that a method stands for into `layers`, the one place for them.

    A method that is wrong is left to its own error.
    """
    try:
        method = _METHOD.validate_python(values.get("method"))
    except ValidationError:
        return {"layers": {"top": 0}} | values
    layers, adapter = brought_layers(method), brought_adapter(method)
    if layers is not None and "layers" not in values:
        return values | {"layers": layers.model_dump(mode="json", exclude_none=True)}
    given = values.get("layers")
    if adapter is not None and isinstance(given, dict) and given.get("adapter") is None:
        return values | {"layers": given | {"adapter": adapter.model_dump(mode="json")}}
    return values


def check_layers(method: Method, layers: Layers, base_model: BaseModelRef) -> None:
    """Refuse layers that the model has not, or that contradict the method.

    Raises:
        ValueError: says what is allowed.
    """
    if base_model.blocks is not None:
        layers.chosen(base_model.blocks)
        check_personal(method, base_model.blocks)
    brought, adapter = brought_layers(method), brought_adapter(method)
    if brought is not None and not brought.same_blocks(layers):
        raise ValueError("method and layers choose different blocks: leave one of them out")
    if adapter is not None and adapter != layers.adapter:
        raise ValueError("method and layers name different adapters: leave one of them out")
    check_fit(method, layers)
