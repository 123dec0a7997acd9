"""What MLflow's client shows and what its database holds are one snapshot, so one digest."""

import math
from pathlib import Path

import mlflow
import pytest
from mlflow.data.http_dataset_source import HTTPDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

import fedclinic.evidence.standalone_verifier as standalone
from fedclinic.evidence.snapshot import StoreSnapshot
from flows.tracking.store import read_store


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.create_experiment("example", (folder / "artifacts").as_uri())
    mlflow.set_tracking_uri(uri)
    parent = client.create_run(experiment, run_name="parent").info.run_id
    client.log_batch(
        parent,
        metrics=[
            Metric("loss", value, 5, step)
            for step, value in ((2, 1e-300), (1, 0.1 + 0.2), (3, math.nan), (0, 0.0))
        ],
        params=[Param("unicode", "é\u2014\n")],
        tags=[RunTag("dp.unit", "patient"), RunTag("audit.leaf", "3")],
    )
    client.log_text(parent, "x", "deep/er/file.txt")
    weights = folder / "weights"
    weights.mkdir()
    (weights / "weights.txt").write_text("1 2 3")
    with mlflow.start_run(run_id=parent):
        dataset = MetaDataset(HTTPDatasetSource("none"), name="notes", digest="abc")
        mlflow.log_input(dataset)
        mlflow.pyfunc.log_model(
            name="model",
            loader_module="json",
            data_path=str(weights),
            registered_model_name="m",
            pip_requirements=[],
        )
    child = client.create_run(experiment, run_name="child", tags={"mlflow.parentRunId": parent})
    client.set_terminated(child.info.run_id, "FAILED")
    client.delete_run(child.info.run_id)
    client.set_registered_model_alias("m", "champion", "1")
    return folder


def test_the_client_and_the_database_give_the_same_snapshot(folder: Path):
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    shown = read_store(MlflowClient(tracking_uri=uri, registry_uri=uri), "example")
    held = StoreSnapshot.model_validate(standalone.read_sqlite(folder / "mlflow.db", "example"))
    for run_id, run in shown.runs.items():
        assert run.model_dump() == held.runs[run_id].model_dump()
    assert shown == held
    assert len(shown.runs) == 2
    assert len(shown.deleted) == 1
    parent = next(run for run in shown.runs.values() if run.name == "parent")
    assert {"deep/er/file.txt", "model/MLmodel"} <= parent.artifacts.keys()
    assert [point.value for point in parent.metrics["loss"]] == [
        "0.0",
        "0.30000000000000004",
        "1e-300",
        "nan",
    ]
    assert parent.inputs == {"notes": "abc"}
    assert [version.aliases for version in shown.versions] == [("champion",)]
