"""Write a run's evidence to MLflow; the only module that imports it.

One parent run a federation run, a nested run for each round and each site. What is written comes
from signed reports and from metrics on public or consented notes, never from a site's own data.
"""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow.pyfunc
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, DataType, Schema
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from fedclinic.errors import EvidenceError
from fedclinic.evidence.events import AuditJudged
from fedclinic.evidence.plain_words import explain_audit
from fedclinic.plan import FederationPlan, PatientPrivacy
from flows.run_store import RoundRecord, RunHeader, SiteOutcome
from flows.settings import Workspace

LOADER = "site_agent.served_model"
"""Module that turns the registered files into a model; imported only where it serves."""

TRAINING_VIEW = {"mlflow.experimentKind": "custom_model_development"}
"""Opens the experiment in MLflow's pages for training runs, not in those for language agents."""

MODEL_FOLDER = "model"
EXAMPLE = "CHIEF COMPLAINT: chest pain.  Troponin was raised and the ECG showed ST elevation."


class Tracker:
    """MLflow's runs of one federation run."""

    def __init__(self, workspace: Workspace, federation: str) -> None:
        self._uri = workspace.mlflow_uri()
        workspace.root.mkdir(parents=True, exist_ok=True)
        try:
            self._client = MlflowClient(tracking_uri=self._uri)
            self._experiment = self._find_experiment(workspace, federation)
        except MlflowException as error:
            raise EvidenceError(f"MLflow at {self._uri} cannot be used: {error.message}") from None

    def start(self, header: RunHeader) -> str:
        """Create the parent run and write the plan; returns its identifier."""
        plan = header.plan
        run = self._client.create_run(self._experiment, run_name=f"{header.title} ({header.run})")
        self._client.log_batch(
            run.info.run_id,
            metrics=_metrics(_privacy_metrics(plan), 0),
            params=[Param(name, value[:6000]) for name, value in _parameters(plan).items()],
            tags=[RunTag(k, v) for k, v in (_tags(plan) | {"fedclinic.run": header.run}).items()],
        )
        self._client.log_text(run.info.run_id, plan.model_dump_json(indent=1), "plan.json")
        return str(run.info.run_id)

    def round_finished(self, parent: str, plan: FederationPlan, record: RoundRecord) -> None:
        """Write a round: its nested run, each site's nested run, and the parent's curves."""
        step = record.round_number
        curves = _round_metrics(record)
        self._client.log_batch(parent, metrics=_metrics(curves, step))
        if step == 0:
            return
        nested = self._nested(parent, f"round {step}", {"fedclinic.kind": "round"})
        self._client.log_batch(nested, metrics=_metrics(curves, step))
        for outcome in record.outcomes:
            self._site_finished(parent, plan, outcome, step)
        self._client.set_terminated(nested)

    def finish(self, parent: str, files: Iterable[Path], texts: Mapping[str, str]) -> None:
        """Attach the run's files and close it."""
        for path in files:
            self._client.log_artifact(parent, str(path), "evidence")
        for name, text in texts.items():
            self._client.log_text(parent, text, name)
        for run in self._children(parent):
            self._client.set_terminated(run)
        self._client.set_terminated(parent)

    def audited(self, parent: str, audits: Iterable[AuditJudged]) -> None:
        """Write each audit's verdict and numbers, under the site or `model` that it is of."""
        for audit in audits:
            name = f"privacy_audit.{audit.about.removeprefix('the ')}.{audit.audit}"
            self._client.set_tag(parent, name, audit.verdict)
            self._client.set_tag(parent, f"{name}.words", explain_audit(audit)[:5000])
            numbers = {f"{name}.{key}": value for key, value in audit.numbers.items()}
            self._client.log_batch(parent, metrics=_metrics(numbers, 0))

    def fail(self, parent: str, reason: str, *, stopped: bool) -> None:
        """Close the run as stopped by a person (it can be resumed) or failed."""
        self._client.set_tag(parent, "fedclinic.reason", reason[:5000])
        self._client.set_terminated(parent, "KILLED" if stopped else "FAILED")

    def resume(self, parent: str) -> None:
        self._client.update_run(parent, status="RUNNING")

    def register(self, parent: str, name: str, folder: Path) -> str:
        """Register the global model's files as a new version of `name`; returns models:/...

        The model is not loaded here: a coordinator has no torch.
        """
        signature = ModelSignature(
            inputs=Schema([ColSpec(DataType.string, "text")]),
            outputs=Schema([ColSpec(DataType.string, "prediction")]),
        )
        with TemporaryDirectory() as scratch:
            saved = Path(scratch) / MODEL_FOLDER
            mlflow.pyfunc.save_model(
                path=str(saved),
                loader_module=LOADER,
                data_path=str(folder),
                signature=signature,
                input_example=[{"text": EXAMPLE}],
                pip_requirements=["fedclinic[site]"],
            )
            self._client.log_artifacts(parent, str(saved), MODEL_FOLDER)
        with suppress(MlflowException):
            self._client.create_registered_model(name)
        source = f"{self._client.get_run(parent).info.artifact_uri}/{MODEL_FOLDER}"
        version = self._client.create_model_version(name, source=source, run_id=parent)
        return f"models:/{name}/{version.version}"

    def _site_finished(
        self, parent: str, plan: FederationPlan, outcome: SiteOutcome, step: int
    ) -> None:
        nested = self._nested(
            parent,
            f"site {outcome.site}",
            {"fedclinic.kind": "site", "fedclinic.site": outcome.site},
        )
        report = outcome.report
        tags = {f"round.{step}.verdict": outcome.verdict}
        metrics: dict[str, float] = {"admitted": float(outcome.verdict == "admitted")}
        if outcome.reason:
            tags[f"round.{step}.reason"] = outcome.reason[:5000]
        if report is not None and report.update is not None:
            tags[f"round.{step}.update"] = report.update.blob
            metrics |= {"update_bytes": report.update.bytes, "update_norm": report.update.norm}
        if report is not None and report.privacy is not None:
            metrics["dp.epsilon"] = report.privacy.epsilon
        if report is not None and report.budget is not None:
            metrics["budget.spent_epsilon"] = report.budget.spent_epsilon
            metrics["budget.cap_epsilon"] = report.budget.cap_epsilon
        if report is not None and report.ledger is not None:
            tags["ledger.head"] = f"{report.ledger.sequence}:{report.ledger.hash}"
        if report is not None and report.deidentification is not None:
            summary = report.deidentification
            tags["deid.policy"] = summary.policy
            for kind, count in summary.replaced.items():
                if count is not None:
                    metrics[f"deid.replaced.{kind}"] = count
            if summary.notes is not None:
                metrics["deid.notes"] = summary.notes
            if summary.quarantined is not None:
                metrics["deid.quarantined"] = summary.quarantined
        all_tags = tags | _tags(plan)
        self._client.log_batch(
            nested,
            metrics=_metrics(metrics, step),
            tags=[RunTag(name, value) for name, value in all_tags.items()],
        )

    def _find_experiment(self, workspace: Workspace, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        location = None
        if self._uri.startswith("sqlite:"):
            location = (workspace.mlflow_artifacts / name).as_uri()
        return str(self._client.create_experiment(name, location, tags=TRAINING_VIEW))

    def _nested(self, parent: str, name: str, tags: Mapping[str, str]) -> str:
        """Find or create the nested run of this name, so that a resumed run writes to the same."""
        known = self._client.search_runs(
            [self._experiment],
            f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}' and attributes.run_name = '{name}'",
            max_results=1,
        )
        if known:
            return str(known[0].info.run_id)
        run = self._client.create_run(
            self._experiment, run_name=name, tags={**tags, MLFLOW_PARENT_RUN_ID: parent}
        )
        return str(run.info.run_id)

    def _children(self, parent: str) -> list[str]:
        runs = self._client.search_runs(
            [self._experiment], f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'", max_results=1000
        )
        return [str(run.info.run_id) for run in runs if run.info.status == "RUNNING"]


def _metrics(values: Mapping[str, float], step: int) -> list[Metric]:
    now = int(time.time() * 1000)
    return [Metric(name, float(value), now, step) for name, value in values.items()]


def _privacy_metrics(plan: FederationPlan) -> dict[str, float]:
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


def _round_metrics(record: RoundRecord) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for evaluation in record.evaluations:
        prefix = "" if evaluation.subject == "global" else f"{evaluation.subject}."
        for name, value in evaluation.metrics.items():
            metrics[f"{prefix}{name}"] = value
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


def _tags(plan: FederationPlan) -> dict[str, str]:
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


def _parameters(plan: FederationPlan) -> dict[str, str]:
    """The plan, flattened to dotted names, as MLflow's parameters."""
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
