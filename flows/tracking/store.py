"""Read what an MLflow store shows, into the snapshots that are signed and verified."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.entities import Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from fedclinic.errors import EvidenceError
from fedclinic.evidence.snapshot import (
    Artifact,
    ModelVersion,
    RunSnapshot,
    StoreSnapshot,
    metric_history,
    sealed_tags,
)
from flows.tracking.patience import impatient

PAGE = 1000
SQLITE = "sqlite:///"


def read_store_at(uri: str, experiment: str, signed: Iterable[str]) -> StoreSnapshot:
    """Read a store by its address.

    Args:
        signed: identifiers of runs that were signed: they are looked for in other experiments too.

    Raises:
        EvidenceError: if nothing can be read there; says why.
    """
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).is_file():
        raise EvidenceError(f"MLflow at {uri} is not there")  # a client would make an empty one
    with impatient():
        try:
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            return read_store(client, experiment, signed)
        except MlflowException as error:
            reason = str(error.message).splitlines()[0][:200]
            raise EvidenceError(f"MLflow at {uri} cannot be read: {reason}") from None


def read_store(client: MlflowClient, experiment: str, signed: Iterable[str] = ()) -> StoreSnapshot:
    """Everything that one experiment shows, deleted runs too, and the models that it made.

    Raises:
        EvidenceError: if neither the experiment nor any of the signed runs is there.
    """
    found = client.get_experiment_by_name(experiment)
    runs = [] if found is None else _all_runs(client, found.experiment_id)
    known = {run.info.run_id for run in runs}
    runs += [run for name in signed if name not in known and (run := _find(client, name))]
    if found is None and not runs:
        raise EvidenceError(f"it has no experiment '{experiment}': is it another store?")
    names = {run.info.experiment_id: "" for run in runs}
    names = {number: client.get_experiment(number).name for number in names}
    snapshots = {
        run.info.run_id: read_run(client, run, names[run.info.experiment_id]) for run in runs
    }
    deleted = frozenset(run.info.run_id for run in runs if run.info.lifecycle_stage != "active")
    return StoreSnapshot(
        runs=snapshots, deleted=deleted, versions=tuple(_versions(client, set(snapshots)))
    )


def read_family(client: MlflowClient, parent: str, experiment: str) -> list[RunSnapshot]:
    """A run and the runs that are nested in it."""
    run = client.get_run(parent)
    wanted = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'"
    nested = client.search_runs([run.info.experiment_id], wanted, max_results=PAGE)
    return [read_run(client, each, experiment) for each in (run, *nested)]


def read_run(client: MlflowClient, run: Run, experiment: str) -> RunSnapshot:
    run_id = run.info.run_id
    return RunSnapshot(
        run_id=run_id,
        experiment=experiment,
        parent=run.data.tags.get(MLFLOW_PARENT_RUN_ID, ""),
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
        artifacts=_all_artifacts(client, run),
        inputs={i.dataset.name: i.dataset.digest for i in run.inputs.dataset_inputs}
        if run.inputs
        else {},
    )


def _all_runs(client: MlflowClient, experiment_id: str) -> list[Run]:
    runs: list[Run] = []
    token = None
    while True:
        page = client.search_runs(
            [experiment_id], run_view_type=ViewType.ALL, max_results=PAGE, page_token=token
        )
        runs += page
        token = page.token
        if not token:
            return runs


def _find(client: MlflowClient, run_id: str) -> Run | None:
    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def _versions(client: MlflowClient, runs: set[str]) -> Iterator[ModelVersion]:
    """All versions of the models that any of these runs made; the others are not of this log."""
    found = client.search_model_versions()
    made = {version.name for version in found if version.run_id in runs}
    for name, number in ((v.name, v.version) for v in found if v.name in made):
        version = client.get_model_version(name, number)
        yield ModelVersion(
            model=name,
            version=str(number),
            run_id=version.run_id or "",
            source=version.source or "",
            aliases=tuple(sorted(version.aliases)),
            tags=sealed_tags(version.tags),
        )


def _all_artifacts(client: MlflowClient, run: Run) -> dict[str, Artifact]:
    """A run's own files, and those of the models it logged: MLflow lists these only by name."""
    run_id = run.info.run_id
    artifacts = _artifacts(client, run_id)
    for model in client.search_logged_models([run.info.experiment_id]):
        if model.source_run_id == run_id:
            artifacts |= _artifacts(client, run_id, model.name)
    return dict(sorted(artifacts.items()))


def _artifacts(client: MlflowClient, run_id: str, path: str = "") -> dict[str, Artifact]:
    artifacts: dict[str, Artifact] = {}
    with TemporaryDirectory() as folder:
        for file in client.list_artifacts(run_id, path or None):
            if file.is_dir:
                artifacts |= _artifacts(client, run_id, file.path)
            else:
                content = Path(client.download_artifacts(run_id, file.path, folder)).read_bytes()
                digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
                artifacts[file.path] = Artifact(bytes=len(content), sha256=digest)
    return artifacts
