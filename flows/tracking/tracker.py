"""Write a run's evidence to MLflow.

One parent run a federation run, a nested run for each round and each site. What is written comes
from signed reports and from metrics on public or consented notes, never from a site's own data.
"""

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow.pyfunc
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, DataType, Schema
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from fedclinic.errors import EvidenceError
from fedclinic.evidence.events import AuditJudged, Verdict
from fedclinic.evidence.plain_words import explain_audit
from fedclinic.evidence.release_gate import alias_of
from fedclinic.evidence.snapshot import RunSnapshot
from fedclinic.plan import FederationPlan
from fedclinic.records import Digest
from flows.run_store import RoundRecord, RunHeader, SiteOutcome
from flows.settings import Workspace
from flows.tracking import pages
from flows.tracking.patience import impatient, reason_of
from flows.tracking.store import nested_runs, read_family

LOADER = "site_agent.served_model"
"""Module that turns the registered files into a model; imported only where it serves."""

TRAINING_VIEW = {"mlflow.experimentKind": "custom_model_development"}
"""Opens the experiment in MLflow's pages for training runs, not in those for language agents."""

MODEL_FOLDER = "model"
EXAMPLE = "CHIEF COMPLAINT: chest pain.  Troponin was raised and the ECG showed ST elevation."


@dataclass(frozen=True)
class Registered:
    """A version of a registered model, as MLflow names it."""

    model: str
    version: str
    source: str

    @property
    def address(self) -> str:
        return f"models:/{self.model}/{self.version}"


class Tracker:
    """MLflow's runs of one federation run."""

    def __init__(self, workspace: Workspace, federation: str) -> None:
        self._uri = workspace.mlflow_uri()
        self._federation = federation
        self._nested_runs: dict[str, dict[str, str]] = {}
        """Identifiers of the runs nested in a run, by their names."""
        workspace.root.mkdir(parents=True, exist_ok=True)
        try:
            with impatient():
                self._client = MlflowClient(tracking_uri=self._uri)
                self._experiment = self._find_experiment(workspace, federation)
        except MlflowException as error:
            reason = reason_of(error)
            raise EvidenceError(f"MLflow at {self._uri} cannot be used: {reason}") from None

    def start(self, header: RunHeader) -> str:
        """Create the parent run and write the plan; returns its identifier."""
        plan = header.plan
        run = self._client.create_run(self._experiment, run_name=f"{header.title} ({header.run})")
        self._client.log_batch(
            run.info.run_id,
            metrics=_metrics(pages.privacy_metrics(plan), 0),
            params=[Param(name, value[:6000]) for name, value in pages.parameters(plan).items()],
            tags=_tags(pages.run_tags(header)),
        )
        self._client.log_text(run.info.run_id, plan.model_dump_json(indent=1), "plan.json")
        self._nested_runs[run.info.run_id] = {}
        return str(run.info.run_id)

    def prepared(self, parent: str, digests: Mapping[str, Digest]) -> None:
        """Write what the run works on: the digest of each part, by a name for people."""
        datasets = [
            Dataset(
                name=name,
                digest=short,
                source_type="fedclinic",
                source=json.dumps({"digest": digests[name]}),
            )
            for name, short in pages.dataset_digests(digests).items()
        ]
        self._client.log_inputs(parent, datasets=[DatasetInput(d, []) for d in datasets])

    def round_finished(self, parent: str, plan: FederationPlan, record: RoundRecord) -> None:
        """Write a round: its nested run, each site's nested run, and the parent's curves."""
        step = record.round_number
        curves = pages.round_metrics(record)
        self._client.log_batch(parent, metrics=_metrics(curves, step))
        if step == 0:
            return
        nested = self._nested(parent, f"round {step}", plan, {"fedclinic.kind": "round"})
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
        for run in nested_runs(self._client, self._experiment, parent):
            if run.info.status == "RUNNING":
                self._client.set_terminated(run.info.run_id)
        self._client.set_terminated(parent)

    def audited(self, parent: str, audits: Iterable[AuditJudged]) -> None:
        """Write each audit's verdict and numbers, under the site or `model` that it is of."""
        tags: dict[str, str] = {}
        numbers: dict[str, float] = {}
        for audit in audits:
            name = f"privacy_audit.{audit.about.removeprefix('the ')}.{audit.audit}"
            tags |= {name: audit.verdict, f"{name}.words": explain_audit(audit)[:5000]}
            numbers |= {f"{name}.{key}": value for key, value in audit.numbers.items()}
        self._client.log_batch(parent, metrics=_metrics(numbers, 0), tags=_tags(tags))

    def fail(self, parent: str, reason: str, *, stopped: bool) -> None:
        """Close the run as stopped by a person (it can be resumed) or failed."""
        self._client.set_tag(parent, "fedclinic.reason", reason[:5000])
        self._client.set_terminated(parent, "KILLED" if stopped else "FAILED")

    def resume(self, parent: str) -> None:
        self._client.update_run(parent, status="RUNNING")

    def snapshots(self, parent: str) -> list[RunSnapshot]:
        """What MLflow shows of the run and of those nested in it."""
        return read_family(self._client, parent, self._federation)

    def point_to_log(self, parent: str, tags: Mapping[str, str]) -> None:
        """Say on a closed run's page where its statements are; these tags are never signed."""
        pointers = {f"audit.{name}": value for name, value in tags.items()}
        self._client.log_batch(parent, tags=_tags(pointers))

    def register(self, parent: str, name: str, folder: Path, tags: Mapping[str, str]) -> Registered:
        """Register the global model's files as a new version of `name`, once for a run.

        The model is not loaded here: a coordinator has no torch.

        Args:
            tags: what versions are searched by.
        """
        known = [
            v for v in self._client.search_model_versions(f"name='{name}'") if v.run_id == parent
        ]
        if known:
            for tag, value in tags.items() - known[0].tags.items():
                self._client.set_model_version_tag(name, known[0].version, tag, value)
            return Registered(name, str(known[0].version), known[0].source or "")
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
        source = f"runs:/{parent}/{MODEL_FOLDER}"
        version = self._client.create_model_version(
            name, source=source, run_id=parent, tags=dict(tags)
        )
        return Registered(name, str(version.version), source)

    def call(self, registered: Registered, gate: Verdict) -> None:
        """Give a version the alias that its release gate allows."""
        alias = alias_of(gate)
        if alias is not None:
            self._client.set_registered_model_alias(registered.model, alias, registered.version)

    def _site_finished(
        self, parent: str, plan: FederationPlan, outcome: SiteOutcome, step: int
    ) -> None:
        nested = self._nested(
            parent,
            f"site {outcome.site}",
            plan,
            {"fedclinic.kind": "site", "fedclinic.site": outcome.site},
        )
        tags, metrics = pages.site_page(outcome, step)
        self._client.log_batch(nested, metrics=_metrics(metrics, step), tags=_tags(tags))

    def _find_experiment(self, workspace: Workspace, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        location = None
        if self._uri.startswith("sqlite:"):
            location = (workspace.mlflow_artifacts / name).as_uri()
        return str(self._client.create_experiment(name, location, tags=TRAINING_VIEW))

    def _nested(self, parent: str, name: str, plan: FederationPlan, tags: Mapping[str, str]) -> str:
        """Find or create the nested run of this name, so that a resumed run writes to the same."""
        if parent not in self._nested_runs:
            runs = nested_runs(self._client, self._experiment, parent)
            names = {run.info.run_name: str(run.info.run_id) for run in reversed(runs)}
            self._nested_runs[parent] = names
        known = self._nested_runs[parent]
        if name not in known:
            own = pages.plan_tags(plan) | dict(tags)
            run = self._client.create_run(
                self._experiment, run_name=name, tags=own | {MLFLOW_PARENT_RUN_ID: parent}
            )
            known[name] = str(run.info.run_id)
        return known[name]


def _metrics(values: Mapping[str, float], step: int) -> list[Metric]:
    now = int(time.time() * 1000)
    return [Metric(name, float(value), now, step) for name, value in values.items()]


def _tags(values: Mapping[str, str]) -> list[RunTag]:
    return [RunTag(name, value) for name, value in values.items()]
