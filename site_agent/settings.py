"""`site.yaml`: what a site's administrator decides."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar, cast

from pydantic import Field, PositiveInt, StringConstraints, model_validator

from fedclinic.deid.kinds import EntityKind
from fedclinic.documents import load_document
from fedclinic.privacy.engine_names import EngineName
from fedclinic.records import Count, Digest, Name, Record

EMBEDDED = "embedded"
"""In `permissions.models`: the base model that is installed with the package."""


class Fields(Record):
    """Names of the columns, or JSON fields, in which the site's notes keep their parts."""

    note_id: str = "id"
    patient: str = "patient_id"
    text: str | None = "text"
    label: str | None = None
    """One document label, or a list of them."""
    tokens: str | None = None
    tags: str | None = None
    """BIO tags of `tokens`; the text is then the tokens joined by single spaces."""
    entities: str | None = None
    """List of {start, end, label} in characters of the text."""
    group: str | None = None
    """Of evaluation notes: a column by which quality is told too, as the plan asks for it."""


class Share(Record):
    """A site's part of a common file: the rows whose hash of `by` falls to `index` of `parts`."""

    by: str
    parts: PositiveInt
    index: Count

    @model_validator(mode="after")
    def _index_is_a_part(self) -> Self:
        if self.index >= self.parts:
            raise ValueError(f"index {self.index} is not below parts {self.parts}")
        return self


class NoteSource(Record):
    """Where the site's notes are and how they are written."""

    path: str
    format: Literal["jsonl", "csv", "parquet"]
    fields: Fields = Fields()
    where: dict[str, str | list[str]] = {}
    """Rows are kept whose column has the value, or one of the values."""
    share: Share | None = None
    skip_unlabelled: bool = False
    """Leave rows without a label out instead of refusing the file."""


class SiteModelChoice(Record):
    """A token classifier of the site's own, in a local folder, beside the embedded detectors."""

    kind: Literal["huggingface", "spacy"]
    path: str
    digest: Digest
    """Digest of every file of the folder; `fedclinic-site deid model-digest FOLDER` prints it."""
    labels: Annotated[dict[str, EntityKind | None], Field(min_length=1)]
    """What each label of the model means, without B- and I-; null where it names no identifier."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Lowest probability, of all identifier labels together, at which a token counts."""


class DeidentificationChoice(Record):
    """Which de-identification a site applies to every note before anything else sees it."""

    mode: Literal["safe_harbor", "expert_determination"]
    profile: Literal["fast", "default", "strict"]
    policy: str | None = None
    """Path of the site's own policy file; None: policies/deidentification.yaml as installed."""
    model: SiteModelChoice | None = None


class RosterFile(Record):
    """What the site knows of its patients: values that must not stand in any of their notes."""

    path: str
    format: Literal["jsonl", "csv", "parquet"]
    patient: str = "patient_id"
    columns: Annotated[dict[str, EntityKind], Field(min_length=1)]
    """Column and the kind of its values; a field may hold a list of values."""


class TaskRunnerChoice(Record):
    """What runs the batches of a de-identification."""

    kind: Literal["processes", "dask", "ray"] = "processes"
    address: str | None = None
    """Of a running Dask or Ray cluster; None starts one on this machine."""
    processes: PositiveInt | None = None
    """How many notes are treated at once; None: one for each core."""


class SiteTracking(Record):
    """The site's own MLflow, which nobody else reads."""

    uri: str
    experiment: str = "de-identification"


class Permissions(Record):
    """What the site lets a plan ask of it; anything else is refused before a note is read."""

    coordinators: Annotated[tuple[str, ...], Field(min_length=1)]
    """Public keys (base64 of the raw Ed25519 key) of the coordinators whose tasks are accepted."""
    models: Annotated[dict[Name, str], Field(min_length=1)]
    """Base models by name: `embedded`, or the path of a local Hugging Face folder."""
    max_trained_blocks: Count
    unprotected: bool
    """Allow rounds without differential privacy; only for notes that are public or synthetic."""
    evaluation: bool = False
    """Allow these notes to measure the global model: their metrics leave without noise."""


class Worker(Record):
    """The Prefect server of the site's own trust domain, whose tasks `fedclinic-site worker` does
    (transport `prefect`). Its credential is PREFECT_API_AUTH_STRING of the environment."""

    api: Annotated[str, StringConstraints(pattern=r"^https?://\S+/api$")]
    certificate: str | None = None
    """Path of the certificate authority of the server, in PEM; None: those of the system."""
    pool: Name | None = None
    """Work pool; None: it is called as the site."""
    blobs: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+://\S+$")]
    """The plan's `transport.blobs`, as this machine reaches it."""


_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"


class AgentSettings(Record):
    """How the agent that polls an exchange behaves on this machine."""

    hours: Annotated[str, StringConstraints(pattern=f"^{_CLOCK}-{_CLOCK}$")] | None = None
    """Local time in which work may begin, such as 20:00-06:00; None: always."""
    memory_gib: Annotated[float, Field(ge=1)] | None = None
    """Address space of the process that trains; None: what the machine or container allows."""


class Orchestration(Record):
    """Where this site's own flow runs are kept; nothing private is in them."""

    api: Annotated[str, StringConstraints(pattern=r"^(in_process|https?://\S+/api)$")]
    """`in_process`: an API inside each process, over an SQLite file in the site's home; or the
    address of the hospital's own Prefect server."""
    certificate: str | None = None
    """Path of the certificate authority of the server, in PEM; None: those of the system."""


class SiteConfig(Record):
    """`site.yaml`, checked."""

    site: Name
    notes: NoteSource
    deidentification: DeidentificationChoice
    roster: RosterFile | None = None
    task_runner: TaskRunnerChoice = TaskRunnerChoice()
    tracking: SiteTracking | None = None
    permissions: Permissions
    privacy_policy: str | None = None
    """Path of the site's own privacy policy; None: policies/privacy.yaml as installed."""
    disclosure_policy: str | None = None
    """Path of the site's own disclosure policy; None: policies/disclosure.yaml as installed."""
    auditing_policy: str | None = None
    """Path of the site's own auditing policy; None: policies/auditing.yaml as installed."""
    min_patients: PositiveInt
    """Fewer patients than this and the site takes part in no round."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    cache_activations: bool = True
    processes: PositiveInt = 1
    """Processes that share the patients of a step: one for each GPU, or 1."""
    gradient_engine: EngineName = "book_keeping"
    """How per-patient gradients are computed: Opacus' engines are slower, and a second opinion."""
    worker: Worker | None = None
    orchestration: Orchestration | None = None
    """None: the site's work is done without Prefect, except for transport `prefect`."""
    agent: AgentSettings = AgentSettings()

    @model_validator(mode="after")
    def _evaluation_notes_are_public(self) -> Self:
        if self.permissions.evaluation and not self.permissions.unprotected:
            raise ValueError("evaluation lets metrics leave without noise: it needs unprotected")
        return self


def load_site_config(path: Path, substitutions: Mapping[str, str]) -> SiteConfig:
    """Read and check a site.yaml; relative paths in it are relative to the file.

    Raises:
        ConfigError: if the file is missing, unreadable or wrong.
    """
    config = load_document(path, SiteConfig, "site configuration", substitutions)
    return _resolve_paths(config, path.parent)


def _resolve_paths(config: SiteConfig, folder: Path) -> SiteConfig:
    allowed, choice = config.permissions, config.deidentification
    models = {
        name: where if where == EMBEDDED else str((folder / where).resolve())
        for name, where in allowed.models.items()
    }
    return config.model_copy(
        update={
            "notes": _resolved(config.notes, folder),
            "roster": _resolved(config.roster, folder),
            "deidentification": choice.model_copy(
                update={"model": _resolved(choice.model, folder)}
            ),
            "permissions": allowed.model_copy(update={"models": models}),
            "worker": _with_certificate(config.worker, folder),
            "orchestration": _with_certificate(config.orchestration, folder),
        }
    )


P = TypeVar("P", NoteSource, RosterFile, SiteModelChoice)


def _resolved(part: P | None, folder: Path) -> P | None:
    if part is None:
        return None
    return part.model_copy(update={"path": str((folder / part.path).resolve())})


Server = TypeVar("Server", Worker | None, Orchestration | None)


def _with_certificate(server: Server, folder: Path) -> Server:
    if server is None or server.certificate is None:
        return server
    path = str((folder / server.certificate).resolve())
    return cast(Server, server.model_copy(update={"certificate": path}))
