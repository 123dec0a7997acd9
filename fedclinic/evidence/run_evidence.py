"""Everything that a report says of a run, as records; filled by whoever kept them, computes little.

What is absent is None or empty and shown as a gap: a report never fills a gap with words.
"""

from typing import Annotated, Literal

from pydantic import Field

from fedclinic.evidence.events import AuditJudged, ModelRegistered
from fedclinic.evidence.findings import Finding
from fedclinic.plan import FederationPlan, PatientPrivacy
from fedclinic.privacy.mechanism import PrivacyPromise
from fedclinic.records import Count, Digest, Name, Record
from fedclinic.rounds import EvaluationReport, SiteReport


class SiteRound(Record):
    """What became of one site in one round."""

    site: Name
    verdict: Literal["admitted", "quarantined", "refused", "failed", "late", "absent"]
    reason: str = ""
    report: SiteReport | None = None


class RoundEvidence(Record):
    """One finished round."""

    round_number: Count
    """0 is the base model before training."""
    seconds: Annotated[float, Field(ge=0)]
    bytes_down: Count
    """Bytes that each site downloaded."""
    checkpoint: Digest | None
    sites: tuple[SiteRound, ...]
    evaluations: tuple[EvaluationReport, ...]


class Alternative(Record):
    """The same notes trained another way, to compare with: local only, centralised."""

    title: str
    protection: str
    metrics: dict[str, float]


class Output(Record):
    """One thing that left: an entry of the register of outputs."""

    name: str
    what: str
    recipient: str
    digest: Digest
    bytes: Count | None
    """None where only the digest was stated."""


class Verification(Record):
    """What a verifier said of this run's evidence, and over which log."""

    origin: str
    statements: Count
    root: Digest
    witnesses: tuple[str, ...]
    compared_with_mlflow: bool
    findings: tuple[Finding, ...]


class RunEvidence(Record):
    """One run, as far as its evidence goes."""

    generated_at: str
    """When the report was made, as it is printed."""
    run: Name
    status: Literal["finished", "stopped", "failed"]
    plan: FederationPlan
    software: dict[str, str]
    """Versions, and the digests of code and images, by name."""
    rounds: tuple[RoundEvidence, ...]
    alternatives: tuple[Alternative, ...] = ()
    audits: tuple[AuditJudged, ...] = ()
    model: ModelRegistered | None = None
    outputs: tuple[Output, ...] = ()
    verification: Verification | None = None

    def promise(self) -> PrivacyPromise | None:
        """What the plan promised each patient; None without protection."""
        privacy = self.plan.privacy
        if not isinstance(privacy, PatientPrivacy):
            return None
        return PrivacyPromise(epsilon=privacy.target_epsilon, delta=privacy.delta)

    def reports(self, site: str) -> list[SiteReport]:
        """A site's reports, in the order of the rounds."""
        return [
            entry.report
            for round_ in self.rounds
            for entry in round_.sites
            if entry.site == site and entry.report is not None
        ]

    def spent(self, site: str) -> float | None:
        """Epsilon that a site signed last; None if it never signed one."""
        signed = [report.privacy.epsilon for report in self.reports(site) if report.privacy]
        return signed[-1] if signed else None
