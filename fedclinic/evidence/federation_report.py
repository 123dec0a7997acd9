"""A federation's runs over time as one HTML page: what each promised, spent and gave.

The same rules as for a run's report: no script, no request, gaps named as gaps, equal bytes for
equal evidence.
"""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from fedclinic.errors import EvidenceError
from fedclinic.evidence import plain_words
from fedclinic.evidence.charts import Line, line_chart
from fedclinic.evidence.findings import verdict_of
from fedclinic.evidence.gaps import find_gaps
from fedclinic.evidence.pages import render_html
from fedclinic.evidence.run_evidence import RunEvidence
from fedclinic.rounds import BudgetLeft


def render_federation_report(runs: Sequence[RunEvidence], *, generated_at: str) -> str:
    """Render the runs of one federation, the oldest first.

    Raises:
        EvidenceError: if there is no run, or they are of several federations.
    """
    federations = sorted({run.plan.federation for run in runs})
    if len(federations) != 1:
        raise EvidenceError(f"a report of one federation, not of {len(federations)}")
    sites = sorted({site for run in runs for site in run.plan.site_names()})
    with_budget = [site for site in sites if any(_budgets(runs, site))]
    metrics = list(dict.fromkeys(name for run in runs for name in _quality(run)))
    values = {
        "federation": federations[0],
        "generated_at": generated_at,
        **_headline(runs),
        "runs": [_run_row(run) for run in runs],
        "many_hospitals": plain_words.MANY_HOSPITALS,
        "not_a_certificate": plain_words.NOT_A_CERTIFICATE,
        "budgets": [(site, _budget_chart(runs, site)) for site in with_budget],
        "left": [_left_row(runs, site) for site in with_budget],
        "metrics": tuple(name.replace("_", " ") for name in metrics),
        "quality_rows": [
            (run.run, *(f"{_quality(run)[m]:.3f}" if m in _quality(run) else "" for m in metrics))
            for run in runs
            if _quality(run)
        ],
        "outputs": [
            (o.name, run.run, o.what, o.recipient, o.digest) for run in runs for o in run.outputs
        ],
    }
    return render_html("federation.html.j2", values)


def _headline(runs: Sequence[RunEvidence]) -> dict[str, Any]:
    bad = [run.run for run in runs if _evidence(run) == "failed"]
    if bad:
        return {"tone": "bad", "headline": f"The evidence of {', '.join(bad)} contradicts itself."}
    open_ = [run.run for run in runs if _evidence(run) != "verified"]
    if open_:
        return {"tone": "warn", "headline": f"Not verified: {', '.join(open_)}."}
    return {"tone": "good", "headline": "The evidence of every run was verified."}


def _evidence(run: RunEvidence) -> str:
    return verdict_of(run.verification.findings) if run.verification else "not verified"


def _run_row(run: RunEvidence) -> tuple[str, ...]:
    promise = run.promise()
    spent = [value for site in run.plan.site_names() if (value := run.spent(site)) is not None]
    done = sum(round_.round_number > 0 for round_ in run.rounds)
    unused = sum(entry.verdict != "admitted" for round_ in run.rounds for entry in round_.sites)
    return (
        run.run,
        run.generated_at,
        run.status,
        _evidence(run),
        f"{done} of {run.plan.rounds}",
        f"{promise.epsilon:g}" if promise else "no protection",
        f"{max(spent):.3g}" if spent else "none signed",
        str(unused),
        str(len(find_gaps(run))),
    )


def _budgets(runs: Sequence[RunEvidence], site: str) -> list[BudgetLeft | None]:
    """The last budget that a site signed in each run."""
    return [
        next((report.budget for report in reversed(run.reports(site)) if report.budget), None)
        for run in runs
    ]


def _budget_chart(runs: Sequence[RunEvidence], site: str) -> Markup:
    signed = [(n, b) for n, b in enumerate(_budgets(runs, site), start=1) if b is not None]
    spent = [(number, budget.spent_epsilon) for number, budget in signed]
    caps = [(number, budget.cap_epsilon) for number, budget in signed]
    description = f"After {len(signed)} runs, {spent[-1][1]:.3g} of {caps[-1][1]:.3g} is spent."
    lines = [Line("spent", spent), Line("cap", caps, limit=True)]
    return line_chart(f"Budget of {site}", description, lines, y_label="epsilon", x_label="run")


def _left_row(runs: Sequence[RunEvidence], site: str) -> tuple[str, ...]:
    budget = [budget for budget in _budgets(runs, site) if budget is not None][-1]
    left = budget.left_epsilon
    return site, f"{budget.spent_epsilon:.4g}", budget.caps, f"{left:.4g}"


def _quality(run: RunEvidence) -> dict[str, float]:
    """Metrics of the global model after the last round that was measured."""
    measured = [e for round_ in run.rounds for e in round_.evaluations if e.subject == "global"]
    return measured[-1].metrics if measured else {}
