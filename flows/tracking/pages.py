"""What MLflow's pages show of a plan and a round, as plain names and values.

Names are stable: a metric or tag that means something else gets another name, so that runs of
different months stay comparable. docs/auditor.md lists them.
"""

from collections.abc import Mapping
from importlib.metadata import version

from fedclinic.plan import FederationPlan, PatientPrivacy
from fedclinic.records import Digest
from flows.run_store import RoundRecord, RunHeader, SiteOutcome

DATASET_DIGEST = 36
"""Longest digest of a dataset that MLflow takes."""


def run_tags(header: RunHeader) -> dict[str, str]:
    """What runs are searched by."""
    plan = header.plan
    return plan_tags(plan) | {
        "fedclinic.kind": "run",
        "fedclinic.run": header.run,
        "fedclinic.title": header.title,
        "fedclinic.version": version("fedclinic"),
        "fedclinic.task": plan.task.kind,
        "fedclinic.base_model": plan.base_model.name,
        "fedclinic.method": plan.method.name,
        "fedclinic.sites": str(len(plan.sites)),
    }


def plan_tags(plan: FederationPlan) -> dict[str, str]:
    """The federation, its plan and the guarantee: on the run, its rounds' and its sites' pages."""
    tags = {"fedclinic.federation": plan.federation, "fedclinic.plan": plan.digest()}
    privacy = plan.privacy
    if not isinstance(privacy, PatientPrivacy):
        return tags | {"dp.protection": "none"}
    mechanism = privacy.mechanism()
    return tags | {
        "dp.protection": privacy.protection,
        "dp.unit": "patient",
        "dp.adjacency": "add or remove one patient",
        "dp.accountant": "PLD",
        "dp.delta": repr(privacy.delta),
        "dp.target_epsilon": repr(privacy.target_epsilon),
        "dp.noise_multiplier": repr(mechanism.noise_multiplier),
        "dp.sampling_rate": repr(mechanism.sampling_rate),
        "dp.steps_per_round": repr(mechanism.steps),
    }


def parameters(plan: FederationPlan) -> dict[str, str]:
    """The plan, flattened to dotted names."""
    flat: dict[str, str] = {}

    def walk(prefix: str, value: object) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                walk(f"{prefix}.{name}" if prefix else str(name), item)
        elif isinstance(value, list):
            flat[prefix] = ", ".join(str(item) for item in value)
        else:
            flat[prefix] = str(value)

    document = plan.model_dump(mode="json", exclude={"comparison", "transport", "sites"})
    document["sites"] = list(plan.site_names())
    walk("", document)
    return flat


def privacy_metrics(plan: FederationPlan) -> dict[str, float]:
    """What the plan promised, as numbers that runs can be sorted by."""
    privacy = plan.privacy
    if not isinstance(privacy, PatientPrivacy):
        return {}
    mechanism = privacy.mechanism()
    return {
        "dp.target_epsilon": privacy.target_epsilon,
        "dp.delta": privacy.delta,
        "dp.noise_multiplier": mechanism.noise_multiplier,
        "dp.sampling_rate": mechanism.sampling_rate,
        "dp.steps_per_round": mechanism.steps,
        "dp.clipping_norm": privacy.clipping_norm,
        "dp.expected_patients": privacy.expected_patients,
    }


def round_metrics(record: RoundRecord) -> dict[str, float]:
    """The curves of a run: quality, traffic and the most privacy that any site has spent."""
    metrics: dict[str, float] = {}
    for evaluation in record.evaluations:
        prefix = "" if evaluation.subject == "global" else f"{evaluation.subject}."
        for name, value in evaluation.metrics.items():
            metrics[f"{prefix}{name}"] = value
        metrics |= {f"{prefix}{name}.lower": value for name, value in evaluation.lower.items()}
        metrics |= {f"{prefix}{name}.upper": value for name, value in evaluation.upper.items()}
        for group in evaluation.groups:
            for name, value in group.metrics.items():
                metrics[f"{prefix}group.{group.name}.{name}"] = value
    if record.round_number == 0:
        return metrics
    reports = [outcome.report for outcome in record.outcomes if outcome.report]
    metrics["admitted_sites"] = sum(o.verdict == "admitted" for o in record.outcomes)
    metrics["round_seconds"] = record.seconds
    metrics["bytes_up"] = sum(r.update.bytes for r in reports if r.update)
    metrics["bytes_down"] = record.state_bytes * len(record.outcomes)
    spent = [r.privacy.epsilon for r in reports if r.privacy]
    if spent:
        metrics["dp.epsilon"] = max(spent)
    if record.diagnostics is not None:
        metrics["change_norm"] = record.diagnostics.change_norm
    return metrics


def site_page(outcome: SiteOutcome, step: int) -> tuple[dict[str, str], dict[str, float]]:
    """Tags and metrics of a site's page after a round: what its own report says."""
    report = outcome.report
    tags: dict[str, str] = {f"round.{step}.verdict": outcome.verdict}
    metrics: dict[str, float] = {"admitted": float(outcome.verdict == "admitted")}
    if outcome.reason:
        tags[f"round.{step}.reason"] = outcome.reason[:5000]
    if report is None:
        return tags, metrics
    if report.update is not None:
        tags[f"round.{step}.update"] = report.update.blob
        metrics |= {"update_bytes": report.update.bytes, "update_norm": report.update.norm}
    if report.privacy is not None:
        metrics["dp.epsilon"] = report.privacy.epsilon
    if report.budget is not None:
        metrics["budget.spent_epsilon"] = report.budget.spent_epsilon
        metrics["budget.cap_epsilon"] = report.budget.cap_epsilon
    if report.ledger is not None:
        tags["ledger.head"] = f"{report.ledger.sequence}:{report.ledger.hash}"
    if report.deidentification is not None:
        summary = report.deidentification
        tags["deid.policy"] = summary.policy
        counts = {f"deid.replaced.{kind}": count for kind, count in summary.replaced.items()}
        counts |= {"deid.notes": summary.notes, "deid.quarantined": summary.quarantined}
        metrics |= {name: count for name, count in counts.items() if count is not None}
    return tags, metrics


def dataset_digests(digests: Mapping[str, Digest]) -> dict[str, str]:
    """Digests as short as MLflow's column for datasets."""
    return {
        name: digest.removeprefix("sha256:")[:DATASET_DIGEST] for name, digest in digests.items()
    }
