"""What the sites let out of their de-identification: counts, and recall with its intervals."""

from collections.abc import Mapping
from typing import Any

from fedclinic.evidence.run_evidence import RunEvidence
from fedclinic.rounds import DeidentificationSummary

RECALL_MEANS = (
    "Recall: identifiers of each kind were planted in copies of the site's own notes, and so many "
    "of them were found; at least 50 of a kind, or nothing is told. In brackets the 95 % interval "
    "(Clopper and Pearson), as the site computed it. It holds for identifiers like the planted "
    "ones, and not for kinds that nobody planted."
)


def last_summaries(data: RunEvidence) -> dict[str, DeidentificationSummary]:
    """What each site said last."""
    return {
        site: report.deidentification
        for site in data.plan.site_names()
        for report in data.reports(site)
        if report.deidentification is not None
    }


def recall_was_measured(data: RunEvidence) -> bool:
    """Whether any site let out what its planted identifiers showed."""
    return any(summary.recall for summary in last_summaries(data).values())


def deid_tables(data: RunEvidence) -> dict[str, Any]:
    """Heads and rows of the section's tables."""
    last = last_summaries(data)
    return {
        "deid_head": ("count", *last),
        "deid_rows": _count_rows(last) if last else [],
        "recall_head": ("kind", *last),
        "recall_rows": recall_rows(last),
        "recall_means": RECALL_MEANS,
    }


def recall_rows(last: Mapping[str, DeidentificationSummary]) -> list[tuple[str, ...]]:
    """One row a kind, one column a site."""
    kinds = sorted({kind for summary in last.values() for kind in summary.recall})
    return [(_words(kind), *(_recall(each, kind) for each in last.values())) for kind in kinds]


def _count_rows(last: Mapping[str, DeidentificationSummary]) -> list[tuple[str, ...]]:
    kinds = sorted({kind for summary in last.values() for kind in summary.replaced})
    summaries = last.values()
    return [
        ("notes", *(_count(each.notes) for each in summaries)),
        ("quarantined", *(_count(each.quarantined) for each in summaries)),
        *(
            (f"{_words(kind)} replaced", *(_count(each.replaced.get(kind)) for each in summaries))
            for kind in kinds
        ),
    ]


def _recall(summary: DeidentificationSummary, kind: str) -> str:
    share = summary.recall.get(kind)
    low, high = summary.recall_low.get(kind), summary.recall_high.get(kind)
    if share is None:
        return "withheld"
    bounds = "" if low is None or high is None else f" ({low:.0%} to {high:.0%})"
    return f"at least {share:.0%}{bounds}"


def _words(kind: str) -> str:
    return kind.lower().replace("_", " ")


def _count(value: int | None) -> str:
    return "withheld" if value is None else f"{value:,}"
