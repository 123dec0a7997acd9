"""Read an MLflow store through its client into a snapshot; what a tracking module would do."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.entities import Run, ViewType
from mlflow.tracking import MlflowClient

from fedclinic.evidence.snapshot import (
    Artifact,
    ModelVersion,
    RunSnapshot,
    StoreSnapshot,
    metric_history,
    sealed_tags,
)


def read_store(client: MlflowClient, experiment: str) -> StoreSnapshot:
    """Everything that one experiment shows, deleted runs too, and the models that it made."""
    found = client.get_experiment_by_name(experiment)
    runs = client.search_runs([found.experiment_id], run_view_type=ViewType.ALL, max_results=1000)
    snapshots = {run.info.run_id: read_run(client, run, experiment) for run in runs}
    deleted = frozenset(run.info.run_id for run in runs if run.info.lifecycle_stage != "active")
    made = {v.name for v in client.search_model_versions() if v.run_id in snapshots}
    versions = tuple(
        ModelVersion(
            model=v.name,
            version=str(v.version),
            run_id=v.run_id,
            source=v.source,
            aliases=tuple(sorted(client.get_model_version(v.name, v.version).aliases)),
        )
        for v in client.search_model_versions()
        if v.name in made
    )
    return StoreSnapshot(runs=snapshots, deleted=deleted, versions=versions)


def read_run(client: MlflowClient, run: Run, experiment: str) -> RunSnapshot:
    run_id = run.info.run_id
    return RunSnapshot(
        run_id=run_id,
        experiment=experiment,
        parent=run.data.tags.get("mlflow.parentRunId", ""),
        name=run.info.run_name,
        status=run.info.status,
        params=run.data.params,
        tags=sealed_tags(run.data.tags),
        metrics={
            name: metric_history(
                (point.step, point.timestamp, point.value)
                for point in client.get_metric_history(run_id, name)
            )
            for name in run.data.metrics
        },
        artifacts=read_all_artifacts(client, run),
        inputs={i.dataset.name: i.dataset.digest for i in run.inputs.dataset_inputs},
    )


def read_all_artifacts(client: MlflowClient, run: Run) -> dict[str, Artifact]:
    """A run's own files, and those of the models it logged: MLflow lists these only by name."""
    run_id = run.info.run_id
    artifacts = read_artifacts(client, run_id)
    for model in client.search_logged_models([run.info.experiment_id]):
        if model.source_run_id == run_id:
            artifacts |= read_artifacts(client, run_id, model.name)
    return dict(sorted(artifacts.items()))


def read_artifacts(client: MlflowClient, run_id: str, path: str = "") -> dict[str, Artifact]:
    artifacts = {}
    with TemporaryDirectory() as folder:
        for file in client.list_artifacts(run_id, path or None):
            if file.is_dir:
                artifacts |= read_artifacts(client, run_id, file.path)
            else:
                content = Path(client.download_artifacts(run_id, file.path, folder)).read_bytes()
                digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
                artifacts[file.path] = Artifact(bytes=len(content), sha256=digest)
    return artifacts
