"""How good the model became, round by round and beside the alternatives, as charts and rows."""

from markupsafe import Markup

from fedclinic.evidence.charts import Line, line_chart
from fedclinic.evidence.run_evidence import RunEvidence
from fedclinic.rounds import EvaluationReport, GroupQuality

GLOBAL = "global"
"""The subject that is the federation's one model."""

_CHARTS = 4
"""Metrics that get a chart; all of them are in the table."""


def last_quality(data: RunEvidence) -> list[tuple[str, str, str]]:
    """The first metric of the last model, its value and what it is; none where none was measured.

    Only of a federation's one model: with one a site there is no single number.
    """
    last = data.rounds[-1].evaluations if data.rounds else ()
    measured = next((e for e in last if e.subject == GLOBAL and e.metrics), None)
    if measured is None:
        return []
    name, value = next(iter(measured.metrics.items()))
    title, low, high = name.replace("_", " "), measured.lower.get(name), measured.upper.get(name)
    interval = "" if low is None or high is None else f", 95 %: {low:.2f} to {high:.2f}"
    return [("Quality", f"{value:.3f}", title + interval)]


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
    return ("model", "notes", *_titles(data))


def quality_rows(data: RunEvidence, *, last_round_only: bool = False) -> list[tuple[str, ...]]:
    """One row a round and subject, then one for each alternative."""
    metrics = _metrics(data)
    rounds = [round_ for round_ in data.rounds if round_.evaluations]
    rows = [
        (
            f"round {round_.round_number}"
            + ("" if evaluation.subject == GLOBAL else f", {evaluation.subject}"),
            f"{evaluation.notes:,}",
            *(_value(evaluation, metric) for metric in metrics),
        )
        for round_ in (rounds[-1:] if last_round_only else rounds)
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


def group_head(data: RunEvidence) -> tuple[str, ...]:
    return ("part", "notes", *_titles(data))


def group_rows(data: RunEvidence) -> list[tuple[str, ...]]:
    """One row for each part of the evaluation notes on which the last model was measured."""
    metrics = _metrics(data)
    last = [round_ for round_ in data.rounds if round_.evaluations][-1:]
    return [
        (
            group.name + ("" if evaluation.subject == GLOBAL else f", {evaluation.subject}"),
            "withheld" if group.notes is None else f"{group.notes:,}",
            *(_value(group, metric) for metric in metrics),
        )
        for round_ in last
        for evaluation in round_.evaluations
        for group in evaluation.groups
    ]


def _titles(data: RunEvidence) -> list[str]:
    return [metric.replace("_", " ") for metric in _metrics(data)]


def _value(measured: EvaluationReport | GroupQuality, metric: str) -> str:
    """A metric and its interval, as far as there is one."""
    value = _number(measured.metrics.get(metric))
    low, high = measured.lower.get(metric), measured.upper.get(metric)
    return value if low is None or high is None else f"{value} ({low:.2f} to {high:.2f})"


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
