"""Run a plan and the runs that it is compared with, then set them side by side in one table."""

from dataclasses import dataclass

from rich.table import Table

from fedclinic.plan import PatientPrivacy
from flows.run_store import RoundRecord, RunHeader

MEGABYTE = 1e6


@dataclass(frozen=True)
class FinishedRun:
    """A run to be shown in a comparison."""

    header: RunHeader
    rounds: list[RoundRecord]
    seconds: float

    @property
    def last(self) -> RoundRecord:
        return self.rounds[-1]


def comparison_table(runs: list[FinishedRun]) -> Table:
    """One row a model: what was trained how, under which guarantee, and how good it became."""
    names = list(runs[0].last.evaluations[0].metrics)
    table = Table(title="Quality on the evaluation notes", title_justify="left")
    table.add_column("trained as")
    table.add_column("site", no_wrap=True)
    table.add_column("patients' privacy", no_wrap=True)
    for name in names:
        table.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    for run in runs:
        for index, evaluation in enumerate(run.last.evaluations):
            table.add_row(
                run.header.title if index == 0 else "",
                "all" if evaluation.subject == "global" else evaluation.subject,
                protection_of(run) if index == 0 else "",
                *[f"{evaluation.metrics[name]:.3f}" for name in names],
                f"{run.seconds:.0f}" if index == 0 else "",
            )
    return table


def protection_of(run: FinishedRun) -> str:
    """The guarantee that a run's patients got, as its sites signed it."""
    privacy = run.header.plan.privacy
    if not isinstance(privacy, PatientPrivacy):
        return "none"
    reports = [o.report for record in run.rounds for o in record.outcomes if o.report]
    spent = max((report.privacy.epsilon for report in reports if report.privacy), default=0.0)
    return f"({spent:.2f}, {privacy.delta:g})-DP"


def budget_table(run: FinishedRun) -> Table:
    """What each site spent and has left, of its tightest cohort."""
    table = Table(title="Privacy budget at each site (tightest cohort)", title_justify="left")
    for column in ("site", "spent epsilon", "cap", "left", "ledger entry"):
        table.add_column(column, justify="left" if column == "site" else "right")
    for outcome in run.last.outcomes:
        report = outcome.report
        if report is None or report.budget is None or report.ledger is None:
            table.add_row(outcome.site, "-", "-", "-", "-")
            continue
        budget = report.budget
        table.add_row(
            outcome.site,
            f"{budget.spent_epsilon:.3f}",
            budget.caps,
            f"{budget.left_epsilon:.3f}",
            f"{report.ledger.sequence}:{report.ledger.hash[:12]}",
        )
    return table


def traffic_line(run: FinishedRun) -> str:
    """Bytes a round beside FedAvg on the whole model in fp32, both directions of all sites."""
    reports = [outcome.report for outcome in run.last.outcomes if outcome.report]
    up = sum(report.update.bytes for report in reports if report.update)
    down = run.last.state_bytes * len(run.last.outcomes)
    full = 2 * 4 * run.header.model_parameters * len(run.last.outcomes)
    return (
        f"Bytes a round, all sites: {up / MEGABYTE:.1f} MB up, {down / MEGABYTE:.1f} MB down; "
        f"FedAvg on the whole model in fp32 would move {full / MEGABYTE:.1f} MB: "
        f"{100 * (1 - (up + down) / full):.2f} % saved"
    )
