"""What travels between the coordinator and a site: a signed task there, signed statements back.

The last statement of an answer is the record that the task asks for, or `TaskDeclined`; a round
answers with a `SiteReport` in every case.
"""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, StringConstraints

from fedclinic.errors import ErrorCode
from fedclinic.method_parts import PLAIN_TRAINING, LayerDropout, Training
from fedclinic.plan import BaseModelRef, GroupName, Layers, Optimizer, Privacy, Task
from fedclinic.privacy.audit_messages import LoggedGuesses, Reveal
from fedclinic.privacy.mechanism import PrivacySpent
from fedclinic.records import Count, Digest, Name, PolicyName, Record

TASK_KIND = "round-task"
REPORT_KIND = "site-report"
PREPARE_KIND = "prepare-task"
PREPARED_KIND = "site-prepared"
EVALUATION_KIND = "evaluation-task"
EVALUATED_KIND = "evaluation-report"
REVEAL_KIND = "reveal-task"
REVEALED_KIND = "audit-revealed"
DECLINED_KIND = "task-declined"
"""Kinds under which tasks and answers are signed; both ends read them here."""

Nonce = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Instant = Annotated[float, Field(gt=0)]
"""Seconds since the epoch, UTC."""

EntityKind = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,31}$")]


class Work(Record):
    """The part of the plan that a site carries out; the same for every site and round."""

    task: Task
    base_model: BaseModelRef
    layers: Layers
    optimizer: Optimizer
    privacy: Privacy
    rounds: PositiveInt
    dtype: Literal["F32", "BF16"]
    max_update_norm: PositiveFloat
    training: Training = PLAIN_TRAINING


class PrepareTask(Record):
    """Check a site's configuration and notes, de-identify what is new, and encode it."""

    run: Name
    site: Name
    plan_digest: Digest
    task: Task
    base_model: BaseModelRef
    layers: Layers
    nonce: Nonce
    deadline: Instant
    witness: "LedgerHead | None" = None
    """The last ledger head that the coordinator has of the site: an older ledger was restored."""


class RoundTask(Record):
    """One site's work in one round, as the coordinator signs it."""

    run: Name
    round_number: PositiveInt
    attempt: PositiveInt = 1
    site: Name
    plan_digest: Digest
    work: Work
    state: Digest | None
    """Blob of the global model's change since the base model; None before the first round."""
    dropout: LayerDropout | None = None
    """Layer dropout that a configurator chose for this site and round, instead of the plan's."""
    nonce: Nonce
    deadline: Instant


class UpdateManifest(Record):
    """What a site says of the update it produced."""

    blob: Digest
    bytes: PositiveInt
    parameters: PositiveInt
    norm: Annotated[float, Field(ge=0)]
    personal: tuple[Count, ...] = ()
    """Numbers of the blocks whose change stays at the site."""


class LedgerHead(Record):
    """The last entry of a site's budget ledger: witnessed in every report, so a rollback shows."""

    sequence: Count
    hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class DeidentificationSummary(Record):
    """Counts that a site's disclosure policy lets out: rounded, small ones suppressed (None)."""

    policy: Digest
    store: Digest | None = None
    """What was worked on. Of public or consented notes, the digest of them; of others, one that
    only the site's key can repeat and that differs from round to round: it binds the site to its
    notes and tells nobody whether one patient's are among them, or whether they changed."""
    notes: int | None
    quarantined: int | None
    replaced: dict[EntityKind, int | None]
    recall: dict[EntityKind, Annotated[float, Field(ge=0, le=1)] | None] = {}
    """Share of planted identifiers that were found, by kind of canary; empty before any were."""
    recall_low: dict[EntityKind, Annotated[float, Field(ge=0, le=1)] | None] = {}
    """Lower end of each share's 95 % interval (Clopper and Pearson)."""
    recall_high: dict[EntityKind, Annotated[float, Field(ge=0, le=1)] | None] = {}


class BudgetLeft(Record):
    """The tightest cohort's budget at a site, for life and in this year, after this round."""

    spent_epsilon: Annotated[float, Field(ge=0)]
    cap_epsilon: PositiveFloat
    delta: Annotated[float, Field(gt=0, lt=1)]
    year_spent_epsilon: Annotated[float, Field(ge=0)] | None = None
    year_cap_epsilon: PositiveFloat | None = None
    """None where the site's policy knows no year."""

    @property
    def caps(self) -> str:
        """Both caps in epsilon, for a person: `16, 12 a year`."""
        yearly = "" if self.year_cap_epsilon is None else f", {self.year_cap_epsilon:g} a year"
        return f"{self.cap_epsilon:g}{yearly}"

    @property
    def left_epsilon(self) -> float:
        """What a round may spend at most: the less of what life and the year have left."""
        left = [self.cap_epsilon - self.spent_epsilon]
        if self.year_cap_epsilon is not None and self.year_spent_epsilon is not None:
            left.append(self.year_cap_epsilon - self.year_spent_epsilon)
        return max(0.0, min(left))


class AuditedRound(Record):
    """What a site's canaries showed in one round, by digest; see `fedclinic.privacy.run_audit`."""

    canaries: PositiveInt
    coordinates: Digest
    """Blob of the canaries' coordinates: it binds the site before anybody guesses its coins."""


class SiteReport(Record):
    """A site's answer to a RoundTask, as the site signs it: either an update or an error code."""

    run: Name
    round_number: PositiveInt
    attempt: PositiveInt
    site: Name
    plan_digest: Digest
    nonce: Nonce
    status: Literal["completed", "refused", "failed"]
    error: ErrorCode | None = None
    update: UpdateManifest | None = None
    privacy: PrivacySpent | None = None
    """None where the plan has no protection."""
    budget: BudgetLeft | None = None
    ledger: LedgerHead | None = None
    self_test: Digest | None = None
    """Digest of the self-test that the site's trainer passed when its agent started."""
    audit: AuditedRound | None = None
    """None: no privacy to audit, or the site's auditing policy switched the audit head off."""
    deidentification: DeidentificationSummary | None = None
    policies: dict[PolicyName, Digest] = {}
    """The site's policies that were in force, as its last `policy-changed` of each says."""


class SitePrepared(Record):
    """A site is ready for rounds of a plan: what it trains, and what its policy lets out of it."""

    run: Name
    site: Name
    nonce: Nonce
    base_model: Digest
    shapes: dict[str, tuple[int, ...]]
    """Shapes of the tensors that the plan trains, by name; the same at every site."""
    model_parameters: Count
    """Parameters of the whole base model and head, for the comparison of bytes."""
    deidentification: DeidentificationSummary


class TaskDeclined(Record):
    """A site's answer to a task other than a round's that it refuses or cannot carry out."""

    run: Name
    site: Name
    nonce: Nonce
    status: Literal["refused", "failed"]
    error: ErrorCode


class RevealTask(Record):
    """At the end of a run: tell the coins that were guessed, and score the planted patients.

    Its signature binds the coordinator to its guesses before it knows the coins.
    """

    run: Name
    site: Name
    plan_digest: Digest
    work: Work
    state: Digest | None
    """The model that is about to be released, as a change since the base model."""
    coordinates: tuple[Digest, ...]
    """Each round's coordinates, as the site's reports name them."""
    guessed: LoggedGuesses | None
    """None where no canaries were trained: without privacy, or by the site's policy."""
    nonce: Nonce
    deadline: Instant


class AuditRevealed(Record):
    """A site's coins and nonce, told after the coordinator had guessed; opens its commitment."""

    run: Name
    site: Name
    nonce: Nonce
    """The task's."""
    secret: Reveal


class EvaluationTask(Record):
    """Measure one state of the global model on the evaluation notes."""

    run: Name
    round_number: Count
    """0 is the base model before training."""
    site: Name
    subject: str
    """What is measured: `global`, or a site's own model in `local_only`."""
    plan_digest: Digest
    work: Work
    state: Digest | None
    groups: tuple[GroupName, ...] = ()
    """Parts of the evaluation notes to measure beside the whole."""
    nonce: Nonce
    deadline: Instant


class GroupQuality(Record):
    """Metrics on a part of the evaluation notes; nothing but the name where the part is small."""

    name: GroupName
    notes: Count | None
    """As the site's disclosure policy lets it out: rounded, None where it is small."""
    metrics: dict[str, float]
    lower: dict[str, float]
    upper: dict[str, float]


class EvaluationReport(Record):
    """Metrics on public or consented notes, per subject and round."""

    run: Name
    round_number: Count
    subject: str
    notes: Count
    metrics: dict[str, float]
    lower: dict[str, float] = {}
    """Lower ends of 95 % intervals over patients; see `fedclinic.learning.intervals`."""
    upper: dict[str, float] = {}
    groups: tuple[GroupQuality, ...] = ()
