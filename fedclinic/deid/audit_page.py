"""The audit report as a page that a privacy officer reads; it holds counts and digests only."""

import html
from collections.abc import Iterable, Sequence

from fedclinic.deid.audit import AuditReport, failed_gates
from fedclinic.deid.bounds import clopper_pearson
from fedclinic.deid.policy import AuditGates

_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{border:1px solid #bbb;padding:.3rem .7rem;"
    "text-align:left}td.number{text-align:right}.pass{color:#116329}.fail{color:#a40e26}"
    "code{font-size:.8rem;word-break:break-all}"
)


def audit_page(report: AuditReport, gates: AuditGates) -> str:
    """Write the report as one HTML page without script that loads nothing."""
    failures = failed_gates(report, gates)
    verdict = (
        '<p class="pass">Every gate of the policy is passed.</p>'
        if not failures
        else f'<p class="fail">Not passed:</p><ul class="fail">{_items(failures)}</ul>'
    )
    title = f"De-identification audit of {report.site}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}'
        f"</title><style>{_STYLE}</style></head><body><h1>{html.escape(title)}</h1>"
        f"<p>{report.audited_at:%d %B %Y, %H:%M %Z}. This page holds counts and digests: no "
        f"text of a note and no identifier.</p>{verdict}"
        f"<h2>Notes</h2>{_notes(report)}"
        f"<h2>Canaries</h2><p>Known values that were put in real places and searched for. The "
        f"interval holds the true recall with {gates.confidence:.0%} confidence.</p>"
        f"{_canaries(report, gates)}<h2>What people found</h2>{_reviews(report, gates)}"
        f"<h2>Identifiers replaced</h2>{_replaced(report)}<h2>What ran</h2>{_digests(report)}"
        "</body></html>"
    )


def _items(texts: Iterable[str]) -> str:
    return "".join(f"<li>{html.escape(text)}</li>" for text in texts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first cell of a row is a name, the others are numbers."""
    header = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr><td>{html.escape(row[0])}</td>"
        + "".join(f'<td class="number">{html.escape(cell)}</td>' for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{header}</tr>{body}</table>"


def _notes(report: AuditReport) -> str:
    return _table(
        ("What", "Number"),
        (
            ("De-identified", f"{report.notes_deidentified:,}"),
            ("In quarantine", f"{report.notes_quarantined:,} ({report.quarantine_rate():.1%})"),
            ("Blocked: a known value was left", f"{report.notes_with_known_values:,}"),
            ("Task labels that survived", f"{report.label_survival():.2%}"),
            ("Words replaced without need, in 1,000", _over_redaction(report)),
        ),
    )


def _over_redaction(report: AuditReport) -> str:
    if report.over_redaction is None:
        return "not read by people yet"
    return f"{report.over_redaction:.1f}"


def _canaries(report: AuditReport, gates: AuditGates) -> str:
    rows = []
    for each in report.canaries:
        interval = clopper_pearson(each.found, each.planted, confidence=gates.confidence)
        rows.append(
            (
                f"{each.kind}, {'header' if each.in_header else 'sentence'}",
                f"{each.planted:,}",
                f"{each.found:,}",
                f"{interval.lower:.1%} to {interval.upper:.1%}",
            )
        )
    return _table(("Canary", "Planted", "Found", "Recall"), rows)


def _reviews(report: AuditReport, gates: AuditGates) -> str:
    rows = []
    for kind, each in sorted(report.reviews.items()):
        total = each.found_by_detector + each.left_in_text
        interval = clopper_pearson(each.found_by_detector, total, confidence=gates.confidence)
        rows.append((kind, f"{total:,}", f"{each.left_in_text:,}", f"{interval.lower:.1%} or more"))
    if not rows:
        return "<p>No filled-in review sheet was given to this audit.</p>"
    return _table(("Kind", "Identifiers read", "Left in the text", "Recall"), rows)


def _replaced(report: AuditReport) -> str:
    rows = [(kind, f"{count:,}") for kind, count in sorted(report.replaced.items())]
    return _table(("Kind", "Replaced"), rows)


def _digests(report: AuditReport) -> str:
    named = (
        ("Policy", report.policy),
        ("Dictionaries", report.dictionaries),
        ("Embedded model", report.tagger),
        ("Site model", report.site_model or "none"),
    )
    return (
        "<ul>"
        + "".join(f"<li>{name} <code>{digest}</code></li>" for name, digest in named)
        + "</ul>"
    )
