"""What can be stated in a federation's log: one record for each kind of event.

Some kinds are defined with the round they travel in, such as `round-task` (`RoundTask`) and
`site-report` (`SiteReport`, which states that an update was produced); `kinds` lists all, and who
may sign each. No record holds note text, a patient key
or a number computed from notes that the site's disclosure policy does not let out.
"""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, PositiveInt, StringConstraints

from fedclinic.evidence.keys import KeyId
from fedclinic.privacy.audit_messages import CoinCommitment, PlantedScores
from fedclinic.privacy.mechanism import Mechanism, PrivacyPromise
from fedclinic.records import Count, Digest, Name, PolicyName, PublicKey, Record
from fedclinic.rounds import LedgerHead

Instant = Annotated[float, Field(gt=0)]
"""Seconds since the epoch, UTC, by the signer's clock."""

Words = Annotated[str, StringConstraints(max_length=500)]
"""A reason in a fixed wording of ours; never free text from a site."""

Cohorts = Annotated[tuple[str, ...], Field(min_length=1)]
Verdict = Literal["pass", "warn", "fail"]


class PlanApproved(Record):
    """A run was allowed to start with this plan; the plan itself is here, as it was signed."""

    at: Instant
    run: Name
    plan_digest: Digest
    plan: dict[str, JsonValue]


class SiteJoined(Record):
    """A hospital's key was accepted. Auditors compare it with the one the hospital gave them."""

    at: Instant
    site: Name
    public_key: PublicKey


class SiteRevoked(Record):
    """From here on nothing that this key signs is accepted."""

    at: Instant
    site: Name
    key_id: KeyId
    reason: Literal["left", "key lost", "key stolen", "misconduct"]


class KeyRotated(Record):
    """A site or the coordinator goes on with a new key; signed by the old one and the new one."""

    at: Instant
    actor: Name
    old_key_id: KeyId
    public_key: PublicKey


class SelfTested(Record):
    """A site's trainer was tested on synthetic data before it touched a note."""

    at: Instant
    site: Name
    code: Digest
    image: Digest | None
    verdict: Verdict
    checks: dict[str, Verdict]


class BudgetReserved(Record):
    """A round's privacy demand was set aside, before any note was read."""

    at: Instant
    site: Name
    run: Name
    round_number: PositiveInt
    attempt: PositiveInt
    cohorts: Cohorts
    mechanism: Mechanism
    ledger: LedgerHead


class BudgetUseBegun(Record):
    """Notes are about to be read: from here on the round is charged whatever happens."""

    at: Instant
    site: Name
    run: Name
    round_number: PositiveInt
    attempt: PositiveInt
    ledger: LedgerHead


class BudgetCommitted(Record):
    """A round was charged what it did, at most what was reserved."""

    at: Instant
    site: Name
    run: Name
    round_number: PositiveInt
    attempt: PositiveInt
    mechanism: Mechanism
    ledger: LedgerHead


class UpdateJudged(Record):
    """The coordinator admitted a site's update, or says why not."""

    at: Instant
    run: Name
    round_number: PositiveInt
    attempt: PositiveInt
    site: Name
    verdict: Literal["admitted", "quarantined", "refused", "failed", "late"]
    update: Digest | None
    reason: Words = ""


class RoundAggregated(Record):
    """The admitted updates of a round became the next state."""

    at: Instant
    run: Name
    round_number: PositiveInt
    plan_digest: Digest
    weights: dict[Name, float]
    state_before: Digest | None
    """Checkpoint that the round started from; None before the first."""
    state_after: Digest
    rewards: dict[str, float] = {}
    """What each used arm of the plan's configurator was worth, by its number: the coordinator's
    word, from public or consented notes and its own clock. Empty without a configurator."""


class AuditCommitted(Record):
    """A site is bound to its canaries' coins, before it trains; see privacy.commit_reveal."""

    at: Instant
    site: Name
    run: Name
    committed: CoinCommitment


class PlantedScored(Record):
    """How a model that is about to be released scores a site's planted patients."""

    at: Instant
    site: Name
    run: Name
    state: Digest | None
    scores: PlantedScores


class AuditJudged(Record):
    """An audit of a site's trainer or of a model came to a verdict."""

    at: Instant
    run: Name
    round_number: Count | None
    site: Name | None
    """The site that says so of itself; None: the coordinator says so."""
    audit: Literal["self-test", "audit-head", "commit-reveal", "memorisation", "membership"]
    verdict: Verdict
    numbers: dict[str, float]
    """Statistics by name, such as `epsilon_lower_bound` and `largest_refutable_epsilon`."""
    subject: Name | None = None
    """The site that the coordinator judged; None: the global model, or `site` itself."""
    reason: Words | None = None
    """Why it did not pass, in a fixed wording of ours."""

    @property
    def about(self) -> str:
        """Whom the audit is of, in words."""
        return self.subject or self.site or "the model"


class ModelRegistered(Record):
    """A state became a version of a registered model."""

    at: Instant
    run: Name
    model: str
    version: str
    mlflow_run: str
    source: str
    """Where MLflow says the version's files are."""
    state: Digest
    files: dict[str, Digest]
    promise: PrivacyPromise | None
    """What the model may reveal of a patient at most; None without protection."""
    gate: Verdict


class PolicyChanged(Record):
    """A site or the coordinator goes on under another version of a policy that people sign."""

    at: Instant
    actor: Name
    document: PolicyName
    number: PositiveInt
    """Which version of the document this is at its actor, counted from 1."""
    before: Digest | None
    """The version before; None where this is the first that the actor states."""
    after: Digest


class ExportMade(Record):
    """Something left for people outside: an entry of the register of outputs."""

    at: Instant
    actor: Name
    run: Name | None
    what: Literal["model", "report", "model-card", "bundle", "expert-pack", "other"]
    digest: Digest
    recipient: Words


class EvidencePurged(Record):
    """Stored updates or states were deleted under a retention policy; stated before they were."""

    at: Instant
    actor: Name
    run: Name
    policy: Digest
    digests: Annotated[tuple[Digest, ...], Field(min_length=1)]


class RunRecorded(Record):
    """What MLflow showed of a run when it ended (or paused): one digest for each of its runs."""

    at: Instant
    run: Name
    ended: Literal["finished", "stopped", "failed"] = "finished"
    """A run that was stopped or failed may go on, and is recorded again; a finished one is not."""
    snapshots: dict[str, Digest]
    """Digest of the canonical snapshot, by MLflow run identifier."""


COORDINATOR = "coordinator"
"""The coordinator as an actor; no site may have this name in a log."""
