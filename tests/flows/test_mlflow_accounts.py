"""Accounts on a real MLflow server: auditors read and do not write, a stranger sees nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from fedclinic.errors import EvidenceError
from flows.accounts import sign_in_to_mlflow
from flows.settings import Workspace
from flows.tracking.roles import open_account
from tests.flows.mlflow_servers import running_mlflow


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A store with one run of one federation."""
    space = Workspace(tmp_path)
    client = MlflowClient(f"sqlite:///{space.mlflow_database}")
    experiment = client.create_experiment("tiny", space.mlflow_artifacts.as_uri())
    client.create_run(experiment, run_name="one")
    return space


@pytest.fixture
def server(workspace: Workspace) -> Iterator[str]:
    with running_mlflow(workspace) as address:
        yield address


def sign_in(monkeypatch: pytest.MonkeyPatch, name: str, password: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", name)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)


def test_an_auditor_reads_and_does_not_write_and_a_stranger_does_neither(
    workspace: Workspace, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(variable, "")  # so that what follows is undone
        monkeypatch.delenv(variable)
    sign_in_to_mlflow(workspace)
    password = open_account(server, "tiny", "anna", "auditor")
    assert password is not None
    assert open_account(server, "tiny", "anna", "auditor") is None
    with pytest.raises(EvidenceError, match="no experiment 'other'"):
        open_account(server, "other", "anna", "auditor")
    assert open_account(server, "tiny", "ben", "coordinator") is not None
    assert open_account(server, "tiny", "ben", "site") is None
    sign_in(monkeypatch, "anna", password)
    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("tiny")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 1
    with pytest.raises(MlflowException):
        client.set_tag(runs[0].info.run_id, "dp.unit", "note")
    sign_in(monkeypatch, "stranger", "guess")
    with pytest.raises(MlflowException):
        client.search_runs([experiment.experiment_id])
