"""How good the model became, round by round and beside the alternatives, as charts and rows."""

from markupsafe import Markup

from fedclinic.evidence.charts import Line, line_chart
from fedclinic.evidence.run_evidence import RunEvidence

_CHARTS = 4
"""Metrics that get a chart; all of them are in the table."""


def quality_charts(data: RunEvidence) -> list[tuple[str, Markup]]:
    """(title, svg) for each of the first metrics, with a line for each subject."""
    subjects = sorted({e.subject for round_ in data.rounds for e in round_.evaluations})
    charts = []
    for metric in _metrics(data)[:_CHARTS]:
        lines = [Line(subject, _curve(data, subject, metric)) for subject in subjects[:4]]
        ends = [f"{line.name} {line.points[-1][1]:.3f}" for line in lines if line.points]
        description = f"At the end: {', '.join(ends)}."
        title = metric.replace("_", " ")
        charts.append((title, line_chart(title, description, lines, y_label=title)))
    return charts


def quality_head(data: RunEvidence) -> tuple[str, ...]:
    return ("model", "notes", *(metric.replace("_", " ") for metric in _metrics(data)))


def quality_rows(data: RunEvidence) -> list[tuple[str, ...]]:
    """One row a round and subject, then one for each alternative."""
    metrics = _metrics(data)
    rows = [
        (
            f"round {round_.round_number}"
            + ("" if evaluation.subject == "global" else f", {evaluation.subject}"),
            f"{evaluation.notes:,}",
            *(_number(evaluation.metrics.get(metric)) for metric in metrics),
        )
        for round_ in data.rounds
        for evaluation in round_.evaluations
    ]
    rows += [
        (
            f"{other.title} ({other.protection})",
            "",
            *(_number(other.metrics.get(metric)) for metric in metrics),
        )
        for other in data.alternatives
    ]
    return rows


def _metrics(data: RunEvidence) -> list[str]:
    named = [e.metrics for round_ in data.rounds for e in round_.evaluations]
    return list(dict.fromkeys(metric for metrics in named for metric in metrics))


def _curve(data: RunEvidence, subject: str, metric: str) -> list[tuple[float, float]]:
    return [
        (round_.round_number, evaluation.metrics[metric])
        for round_ in data.rounds
        for evaluation in round_.evaluations
        if evaluation.subject == subject and metric in evaluation.metrics
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
