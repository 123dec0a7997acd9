"""What was measured of a site's de-identification without anybody's labels; counts only."""

from pydantic import AwareDatetime

from fedclinic.deid.agreement import Agreement
from fedclinic.deid.bounds import Interval, clopper_pearson
from fedclinic.deid.canaries import CanaryCounts, by_kind
from fedclinic.records import Count, Digest, Record

CONFIDENCE = 0.95


class Measured(Record):
    """Canaries of one run, and the first estimate from two detectors to compare later ones with."""

    treatment: Digest
    notes: Count
    """Notes in which canaries were planted."""
    canaries: tuple[CanaryCounts, ...]
    agreement: Agreement
    baseline_recall: float | None

    def recall(self, *, at_least: int = 1) -> dict[str, float | None]:
        """Share of canaries found, by kind, where so many were planted in headers and sentences."""
        return {
            kind.name: found / planted
            for kind, (found, planted) in by_kind(self.canaries).items()
            if planted >= at_least
        }

    def recall_bounds(self, *, at_least: int = 1) -> dict[str, Interval]:
        """95 % interval of each of these shares (Clopper and Pearson 1934)."""
        return {
            kind.name: clopper_pearson(found, planted, confidence=CONFIDENCE)
            for kind, (found, planted) in by_kind(self.canaries).items()
            if planted >= at_least
        }


class AuditVerdict(Record):
    """How the last audit of the store ended."""

    audited_at: AwareDatetime
    failed: tuple[str, ...]
    """One sentence for each gate of the policy that was not passed; counts and shares only."""
