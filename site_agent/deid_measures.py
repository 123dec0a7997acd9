"""What was measured of a site's de-identification without anybody's labels; counts only."""

from fedclinic.deid.agreement import Agreement
from fedclinic.deid.canaries import CanaryCounts, by_kind
from fedclinic.records import Count, Digest, Record


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
