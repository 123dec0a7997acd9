"""Rows that tell a run's story round by round, for Prefect's artifacts and the terminal."""

from fedclinic.rounds import EvaluationReport, SiteReport
from flows.run_store import RoundRecord


def round_rows(rounds: list[RoundRecord]) -> list[dict[str, str]]:
    """One row a finished round: quality, privacy spent, bytes, and the least budget left."""
    return [_row(record) for record in rounds if record.round_number]


def round_lines(record: RoundRecord) -> list[str]:
    """What a terminal of 80 columns says of a finished round; a site's own model has its line."""
    row = _row(record)
    parts = [f"round {record.round_number:<3}", row["admitted"]]
    subjects = [evaluation.subject for evaluation in record.evaluations]
    metrics = [_metrics(evaluation) for evaluation in record.evaluations]
    if subjects == ["global"]:
        parts += metrics
    if "epsilon spent" in row:
        parts.append(f"epsilon {row['epsilon spent']}, {row['budget left']} left")
    lines = ["  ".join([*parts, f"{record.seconds:.0f} s"])]
    if subjects != ["global"]:
        width = max(map(len, subjects), default=0)
        lines += [f"  {s:<{width}}  {m}" for s, m in zip(subjects, metrics, strict=True)]
    return lines


def budget_rows(record: RoundRecord) -> list[dict[str, str]]:
    """One row a site: what its tightest cohort has spent and has left after a round."""
    rows = []
    for outcome in record.outcomes:
        budget = outcome.report.budget if outcome.report else None
        row = {"site": outcome.site, "verdict": outcome.verdict}
        if budget is not None:
            left = budget.left_epsilon
            row |= {
                "spent epsilon": f"{budget.spent_epsilon:.3f}",
                "cap epsilon": budget.caps,
                "left": f"{left:.3f}",
                "delta": f"{budget.delta:g}",
            }
        rows.append(row)
    return rows


def _row(record: RoundRecord) -> dict[str, str]:
    reports = [outcome.report for outcome in record.outcomes if outcome.report]
    admitted = sum(outcome.verdict == "admitted" for outcome in record.outcomes)
    row = {
        "round": str(record.round_number),
        "admitted": f"{admitted} of {len(record.outcomes)}",
    }
    for evaluation in record.evaluations:
        prefix = "" if evaluation.subject == "global" else f"{evaluation.subject} "
        row |= {f"{prefix}{name}": f"{value:.3f}" for name, value in evaluation.metrics.items()}
    spent = [report.privacy.epsilon for report in reports if report.privacy]
    if spent:
        row["epsilon spent"] = f"{max(spent):.3f}"
        row["budget left"] = least_budget_left(reports)
    row["bytes up"] = str(sum(report.update.bytes for report in reports if report.update))
    row["seconds"] = f"{record.seconds:.1f}"
    return row


def _metrics(evaluation: EvaluationReport) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in evaluation.metrics.items())


def least_budget_left(reports: list[SiteReport]) -> str:
    """The smallest epsilon that any site has left in its tightest cohort."""
    left = [r.budget.left_epsilon for r in reports if r.budget]
    return f"{min(left):.3f}" if left else "-"
