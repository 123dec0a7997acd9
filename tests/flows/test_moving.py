"""A local MLflow store that was moved finds its files again, and nothing else of it changes."""

import shutil
from pathlib import Path

from mlflow.tracking import MlflowClient

from flows.tracking.moving import move_artifacts
from flows.tracking.store import read_store


def client_of(root: Path) -> MlflowClient:
    uri = f"sqlite:///{root / 'mlflow.db'}"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def make_store(root: Path) -> None:
    """Two experiments of ours, one of them with a model, and one that is kept elsewhere."""
    root.mkdir()
    client = client_of(root)
    for name, folder in (
        ("tiny", "mlflow-artifacts/tiny"),
        ("tiny two", "mlflow-artifacts/tiny two"),
    ):
        experiment = client.create_experiment(name, (root / folder).as_uri())
        run = client.create_run(experiment).info.run_id
        client.log_text(run, name, "model/weights.txt")
        client.create_registered_model(name)
        client.create_model_version(name, f"runs:/{run}/model", run)
    client.create_experiment("foreign", (root / "kept" / "foreign").as_uri())


def test_every_run_and_model_of_ours_is_read_from_the_new_folder(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new folder"
    make_store(old)
    before = read_store(client_of(old), "tiny two")
    shutil.copytree(old, new)
    shutil.rmtree(old)
    move_artifacts(new / "mlflow.db", new / "mlflow-artifacts")
    client = client_of(new)
    assert read_store(client, "tiny two") == before
    assert next(iter(before.runs.values())).artifacts["model/weights.txt"].bytes == len("tiny two")
    address = client.get_experiment_by_name("tiny").artifact_location
    assert address == (new / "mlflow-artifacts" / "tiny").as_uri()
    foreign = client.get_experiment_by_name("foreign").artifact_location
    assert foreign == (old / "kept" / "foreign").as_uri()


def test_a_workspace_without_a_local_store_stays_without_one(tmp_path):
    move_artifacts(tmp_path / "mlflow.db", tmp_path / "mlflow-artifacts")
    assert list(tmp_path.iterdir()) == []
