"""Read what an MLflow store shows, into the snapshots that are signed and verified."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.entities import LoggedModel, Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from fedclinic.digest import digest_bytes
from fedclinic.errors import EvidenceError
from fedclinic.evidence.snapshot import (
    Artifact,
    ModelVersion,
    RunSnapshot,
    StoreSnapshot,
    sealed_tags,
)
from flows.tracking.histories import read_histories
from flows.tracking.patience import impatient, reason_of

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
            raise EvidenceError(f"MLflow at {uri} cannot be read: {reason_of(error)}") from None


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
    names = {run.info.experiment_id for run in runs}
    read = read_runs(client, runs, {each: client.get_experiment(each).name for each in names})
    snapshots = {snapshot.run_id: snapshot for snapshot in read}
    deleted = frozenset(run.info.run_id for run in runs if run.info.lifecycle_stage != "active")
    return StoreSnapshot(
        runs=snapshots, deleted=deleted, versions=tuple(_versions(client, set(snapshots)))
    )


def read_family(client: MlflowClient, parent: str, experiment: str) -> list[RunSnapshot]:
    """A run and the runs that are nested in it."""
    run = client.get_run(parent)
    nested = nested_runs(client, run.info.experiment_id, parent)
    return read_runs(client, (run, *nested), {run.info.experiment_id: experiment})


def nested_runs(client: MlflowClient, experiment_id: str, parent: str) -> list[Run]:
    """The runs nested in a run, the newest first."""
    wanted = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'"
    return _all_runs(client, experiment_id, wanted, ViewType.ACTIVE_ONLY)


def read_runs(
    client: MlflowClient, runs: Sequence[Run], experiments: Mapping[str, str]
) -> list[RunSnapshot]:
    """What MLflow shows of runs; `experiments` are the names of theirs by identifier."""
    histories = read_histories(client, runs)
    models = [model for number in experiments for model in _logged_models(client, number)]
    return [
        RunSnapshot(
            run_id=run.info.run_id,
            experiment=experiments[run.info.experiment_id],
            parent=run.data.tags.get(MLFLOW_PARENT_RUN_ID, ""),
            name=run.info.run_name,
            status=run.info.status,
            params=run.data.params,
            tags=sealed_tags(run.data.tags),
            metrics=histories[run.info.run_id],
            artifacts=_artifacts_of(client, run, models),
            inputs={i.dataset.name: i.dataset.digest for i in run.inputs.dataset_inputs}
            if run.inputs
            else {},
        )
        for run in runs
    ]


def _all_runs(
    client: MlflowClient, experiment_id: str, wanted: str = "", view: int = ViewType.ALL
) -> list[Run]:
    runs: list[Run] = []
    token = None
    while True:
        page = client.search_runs([experiment_id], wanted, view, max_results=PAGE, page_token=token)
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


def _logged_models(client: MlflowClient, experiment_id: str) -> list[LoggedModel]:
    """All models that runs of an experiment logged."""
    models: list[LoggedModel] = []
    token = None
    while True:
        page = client.search_logged_models([experiment_id], page_token=token)
        models += page
        token = page.token
        if not token:
            return models


def _artifacts_of(
    client: MlflowClient, run: Run, models: Iterable[LoggedModel]
) -> dict[str, Artifact]:
    """A run's own files, and those of the models it logged, which MLflow shows under their name."""
    artifacts = _artifacts_at(client, run.info.artifact_uri)
    for model in models:
        if model.source_run_id == run.info.run_id:
            files = _artifacts_at(client, model.artifact_location)
            artifacts |= {f"{model.name}/{path}": file for path, file in files.items()}
    return dict(sorted(artifacts.items()))


def _artifacts_at(client: MlflowClient, uri: str) -> dict[str, Artifact]:
    """Files below an address, whose store the run's own entry names: no look-up for each file."""
    place = get_artifact_repository(uri, tracking_uri=client.tracking_uri)
    if not place.list_artifacts():
        return {}
    with TemporaryDirectory() as folder:
        place.download_artifacts("", folder)  # type: ignore[no-untyped-call]
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): _artifact(path) for path in files}


def _artifact(path: Path) -> Artifact:
    content = path.read_bytes()
    return Artifact(bytes=len(content), sha256=digest_bytes(content))
