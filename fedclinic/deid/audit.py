"""The continuous audit of de-identification: what was measured, and the gates that it must pass."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import AwareDatetime, Field

from fedclinic.deid.bounds import has_drifted, lower_bound
from fedclinic.deid.canaries import CanaryCounts, CanaryKind, by_kind
from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.known import find_known, prepare
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.policy import AuditGates, DeidentificationCounts
from fedclinic.deid.reading import read
from fedclinic.errors import PolicyError
from fedclinic.notes import DeidentifiedNote, KnownIdentifiers
from fedclinic.records import Count, Digest, Name, Record

Share = Annotated[float, Field(ge=0, le=1)]


class ReviewCounts(Record):
    """What people found in the notes that they read, for one class of identifier."""

    found_by_detector: Count
    left_in_text: Count


class AuditReport(Record):
    """One audit of one site; counts and digests only."""

    site: Name
    audited_at: AwareDatetime
    policy: Digest
    dictionaries: Digest
    tagger: Digest
    site_model: Digest | None = None
    notes_deidentified: Count
    notes_quarantined: Count
    notes_with_known_values: Count
    """De-identified notes in which a value of the patient's roster was found: they are blocked."""
    replaced: dict[EntityKind, Count]
    entities_total: Count
    entities_survived: Count
    over_redaction: Annotated[float, Field(ge=0)] | None
    """Words replaced without need in each 1,000, as reviewers counted; None before they did."""
    canaries: tuple[CanaryCounts, ...]
    reviews: dict[EntityKind, ReviewCounts]
    estimated_recall: Share | None
    """From two unlike detectors; an alarm when it falls, no evidence."""
    baseline_recall: Share | None

    def quarantine_rate(self) -> float:
        total = self.notes_deidentified + self.notes_quarantined
        return self.notes_quarantined / total if total else 0.0

    def label_survival(self) -> float:
        return self.entities_survived / self.entities_total if self.entities_total else 1.0


def sum_counts(counts: Iterable[DeidentificationCounts]) -> DeidentificationCounts:
    """Add up the counts of many notes."""
    replaced: dict[EntityKind, int] = {}
    sums = {"entities_total": 0, "entities_survived": 0, "characters": 0, "replaced_characters": 0}
    for each in counts:
        for kind, number in each.replaced.items():
            replaced[kind] = replaced.get(kind, 0) + number
        for name in sums:
            sums[name] += getattr(each, name)
    return DeidentificationCounts(replaced=replaced, **sums)


def notes_with_known_values(
    notes: Iterable[DeidentifiedNote], roster: Mapping[str, KnownIdentifiers], lexicon: Lexicon
) -> list[str]:
    """Ids of de-identified notes in which a value of their patient stands; they must be blocked."""
    return [
        note.note_id
        for note in notes
        if note.patient in roster
        and find_known(read(note.text).text, prepare(roster[note.patient], lexicon))
    ]


def canary_lower_bounds(
    canaries: Iterable[CanaryCounts], *, confidence: float
) -> dict[CanaryKind, float]:
    """Lower bound of recall of each canary kind, headers and sentences together."""
    return {
        kind: lower_bound(found, planted, confidence=confidence)
        for kind, (found, planted) in by_kind(canaries).items()
    }


def review_lower_bounds(
    reviews: Mapping[EntityKind, ReviewCounts], *, confidence: float
) -> dict[EntityKind, float]:
    """Lower bound of recall of each kind, from what people found left in the text."""
    return {
        kind: lower_bound(
            each.found_by_detector,
            each.found_by_detector + each.left_in_text,
            confidence=confidence,
        )
        for kind, each in reviews.items()
    }


def failed_gates(report: AuditReport, gates: AuditGates) -> list[str]:
    """Say, one sentence a gate, what the audit does not satisfy; empty if it passes."""
    failures = []
    if report.notes_with_known_values:
        failures.append(
            f"{report.notes_with_known_values} notes hold a known value of their patient"
        )
    if report.quarantine_rate() > gates.max_quarantine_rate:
        failures.append(
            f"{report.quarantine_rate():.1%} of notes are in quarantine, "
            f"more than {gates.max_quarantine_rate:.1%}"
        )
    if report.label_survival() < gates.min_label_survival:
        failures.append(
            f"{report.label_survival():.1%} of labels survived, "
            f"fewer than {gates.min_label_survival:.1%}"
        )
    if report.over_redaction is not None and report.over_redaction > gates.max_over_redaction:
        failures.append(
            f"{report.over_redaction:.1f} tokens in 1,000 are replaced without need, "
            f"more than {gates.max_over_redaction:.1f}"
        )
    if not report.canaries and not report.reviews:
        failures.append("no recall was measured, by canaries or by people")
    bounds: list[tuple[str, float]] = [
        *canary_lower_bounds(report.canaries, confidence=gates.confidence).items(),
        *review_lower_bounds(report.reviews, confidence=gates.confidence).items(),
    ]
    failures += (
        f"recall of {name} is at least {bound:.1%} only, less than {gates.min_recall:.1%}"
        for name, bound in bounds
        if bound < gates.min_recall
    )
    if _has_fallen(report, gates):
        failures.append("the two detectors agree less than before: the notes have changed")
    return failures


def _has_fallen(report: AuditReport, gates: AuditGates) -> bool:
    if report.estimated_recall is None or report.baseline_recall is None:
        return False
    return has_drifted(
        report.estimated_recall, report.baseline_recall, tolerance=gates.drift_tolerance
    )


def check_audit(report: AuditReport, gates: AuditGates) -> None:
    """Refuse a site's de-identified notes whose audit does not satisfy the policy.

    Raises:
        PolicyError: if a gate fails; the message names each of them.
    """
    failures = failed_gates(report, gates)
    if failures:
        raise PolicyError(f"de-identification audit of {report.site}: {'; '.join(failures)}")
