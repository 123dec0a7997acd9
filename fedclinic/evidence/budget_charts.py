"""A site's budget over a run: its curve below its cap, and the row of the table beside it."""

from markupsafe import Markup

from fedclinic.evidence.charts import Line, line_chart
from fedclinic.evidence.run_evidence import RunEvidence
from fedclinic.rounds import SiteReport


def budget_chart(data: RunEvidence, site: str) -> Markup:
    """Draw epsilon spent after each round, and the cap."""
    points = [
        (report.round_number, report.budget.spent_epsilon, report.budget.cap_epsilon)
        for report in data.reports(site)
        if report.budget
    ]
    _, spent, cap = points[-1]
    lines = [
        Line("spent", [(number, value) for number, value, _ in points]),
        Line("cap", [(number, limit) for number, _, limit in points], limit=True),
    ]
    description = f"After round {points[-1][0]}, epsilon {spent:.3g} of {cap:.3g} is spent."
    return line_chart(f"Budget of {site}", description, lines, y_label="epsilon")


def budget_row(data: RunEvidence, site: str) -> tuple[str, ...]:
    """The site, this run, spent in all, cap, left, delta."""
    last: SiteReport = [report for report in data.reports(site) if report.budget][-1]
    budget = last.budget
    if budget is None:
        raise ValueError(f"site {site} signed no budget")
    this_run = data.spent(site)
    return (
        site,
        "none" if this_run is None else f"{this_run:.4g}",
        f"{budget.spent_epsilon:.4g}",
        budget.caps,
        f"{budget.left_epsilon:.4g}",
        f"{budget.delta:g}",
    )
