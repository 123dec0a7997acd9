"""One `fedclinic-site deid audit`: measure, draw sheets, write the report, hold the gates."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom

from rich.console import Console

from fedclinic.deid.agreement import compare
from fedclinic.deid.audit import (
    AuditReport,
    check_audit,
    failed_gates,
    notes_with_known_values,
    sum_counts,
)
from fedclinic.deid.audit_page import audit_page
from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.review import (
    Findings,
    ReviewNote,
    draw_for_review,
    read_sheets,
    review_page,
    review_table,
)
from fedclinic.deid.tagger import Features, embedded_tagger
from fedclinic.documents import read_written
from fedclinic.errors import DataError
from site_agent.deid_flow import measure_notes, watched_by
from site_agent.deid_measures import AuditVerdict
from site_agent.deid_view import DeidentificationBars, print_measured
from site_agent.opening import OpenSite

DISAGREEMENT_WEIGHT = 0.5
CONSIDERED = 2000
"""Notes among which sheets are drawn; in a larger store, that many at random."""

BLOCKED = "a known value of the patient was found in the de-identified note"


@dataclass(frozen=True)
class AuditOptions:
    """How much of the store an audit looks at."""

    canary_notes: int
    sheet_notes: int
    reviewers: tuple[str, ...]
    reviewed: tuple[Path, ...]


def audit_site(site: OpenSite, options: AuditOptions) -> None:
    """Audit the stored notes and write report and sheets to the site's home.

    Raises:
        DataError: if the store is empty or a filled-in sheet cannot be read.
        PolicyError: naming each gate of the policy that is not passed; the report is written.
    """
    console = Console()
    counts = site.store.measures.counts()
    if not counts.notes:
        raise DataError("no note is stored: run fedclinic-site deid run first")
    findings = _read_reviewed(options.reviewed)
    blocked = _block_known(site)
    if options.canary_notes:
        with DeidentificationBars(console) as bars, watched_by(bars):
            measure_notes(site, options.canary_notes)
    report = _report(site, findings, blocked)
    folder = site.home.deid_audits / datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    folder.mkdir(parents=True)
    (folder / "audit.json").write_text(report.model_dump_json(indent=1), encoding="utf-8")
    page = folder / "audit.html"
    page.write_text(audit_page(report, site.deidentification_policy.audit), encoding="utf-8")
    print_measured(console, site.store.measures.measured())
    console.print(f"report  {page}", highlight=False, soft_wrap=True)
    if options.sheet_notes:
        _write_sheets(site, options, folder)
        console.print(f"sheets  {folder / 'review.html'}", highlight=False, soft_wrap=True)
        console.print(f"        {folder / 'review.csv'}", highlight=False, soft_wrap=True)
    gates = site.deidentification_policy.audit
    failed = tuple(failed_gates(report, gates))
    site.store.measures.keep_verdict(AuditVerdict(audited_at=report.audited_at, failed=failed))
    check_audit(report, gates)
    console.print("every gate of the policy is passed")


def _read_reviewed(sheets: tuple[Path, ...]) -> Findings:
    texts = [read_written(each, "review sheet", encoding="utf-8-sig") for each in sheets]
    return read_sheets(texts)


def _block_known(site: OpenSite) -> int:
    """Put every stored note in which a value of its patient is left into quarantine."""
    roster = site.roster()
    if not roster.patients:
        return 0
    names = [
        stored.name
        for stored in site.store.stored()
        if notes_with_known_values([stored.note], roster.patients, lexicon())
    ]
    site.store.begin()
    try:
        for name in names:
            site.store.refused.block(name, BLOCKED)
        site.store.commit()
    finally:
        site.store.roll_back()
    return len(names)


def _report(site: OpenSite, findings: Findings, blocked: int) -> AuditReport:
    counts, sums = site.store.measures.counts(), sum_counts(site.store.measures.note_counts())
    measured = site.store.measures.measured()
    model = site.config.deidentification.model
    return AuditReport(
        site=site.config.site,
        audited_at=datetime.now(UTC).replace(microsecond=0),
        policy=site.deidentification_policy.digest(),
        dictionaries=lexicon().digest,
        tagger=embedded_tagger().digest,
        site_model=model.digest if model else None,
        notes_deidentified=counts.notes,
        notes_quarantined=counts.quarantined,
        notes_with_known_values=blocked,
        replaced=sums.replaced,
        entities_total=sums.entities_total,
        entities_survived=sums.entities_survived,
        over_redaction=findings.over_redaction(),
        canaries=measured.canaries if measured else (),
        reviews=findings.reviews,
        estimated_recall=measured.agreement.estimated_recall() if measured else None,
        baseline_recall=measured.baseline_recall if measured else None,
    )


def _write_sheets(site: OpenSite, options: AuditOptions, folder: Path) -> None:
    rng = SystemRandom()
    stored = list(site.store.stored())
    if len(stored) > CONSIDERED:
        stored = rng.sample(stored, CONSIDERED)
    features = Features(lexicon())
    notes = []
    for each in stored:
        agreement = compare(each.note.text, lexicon(), embedded_tagger(), features)
        disputed = agreement.rules_only + agreement.model_only
        notes.append(ReviewNote(each.name, each.note.text, each.replaced, disputed))
    drawn = draw_for_review(
        notes, count=options.sheet_notes, disagreement_weight=DISAGREEMENT_WEIGHT, rng=rng
    )
    table = review_table(drawn, options.reviewers)
    (folder / "review.csv").write_text(table, encoding="utf-8")
    title = f"Notes of {site.config.site} to read"
    (folder / "review.html").write_text(review_page(drawn, title=title), encoding="utf-8")
