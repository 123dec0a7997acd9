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
    field_validator,
    model_validator,
)

from fedclinic.chosen_layers import Layers
from fedclinic.digest import canonical_json, digest_bytes
from fedclinic.label_union import check_names, check_union
from fedclinic.method_fit import check_layers, check_sites, with_brought_layers
from fedclinic.method_plan import METHOD_NAMES, Centralised, Method, SplitNN
from fedclinic.records import Digest, Name, Record
from fedclinic.task_plan import BaseModelRef, Label, Task
from fedclinic.training_plan import Optimizer, PatientPrivacy, Privacy, Unprotected
from fedclinic.transports import ExchangeTransport, PrefectTransport, Transport

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


GroupName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,39}$")]
"""A part of the evaluation notes: a value of the column that `notes.fields.group` names there."""


class Evaluation(Record):
    """Where the global model is measured: public, synthetic or consented notes."""

    site_config: str | None = None
    """Path of the site.yaml of the evaluation notes, relative to the plan, for a process beside the
    coordinator's; None: an agent that joined the exchange as `evaluation` has them."""
    labels: OwnLabels = {}
    """The labels that these notes annotate, as at a site: what else is predicted does not count."""
    every_rounds: PositiveInt = 1
    groups: tuple[GroupName, ...] = ()
    """Parts of the evaluation notes on which quality is measured too, such as the hospitals."""


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
            raise ValueError("task.own_labels: given to one site: write it under sites, labels")
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
            raise ValueError("sites: a site is listed twice")
        if EVALUATION_SITE in names:
            raise ValueError(f"sites: none is called '{EVALUATION_SITE}': the evaluation notes are")
        by_agent = isinstance(self.transport, ExchangeTransport)
        if self.evaluation.site_config is None and not by_agent:
            raise ValueError("evaluation.site_config: left out only with transport exchange")
        if self.quorum > len(names):
            raise ValueError(f"quorum: {self.quorum} is larger than the {len(names)} sites")
        check_sites(self.method, names)
        if isinstance(self.transport, PrefectTransport):
            missing = sorted(set(names) - self.transport.site_keys.keys())
            if missing:
                raise ValueError(f"transport.site_keys: no key of site {missing[0]}")
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
