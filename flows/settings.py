"""Where the coordinator keeps its state, and the environment that its tools must find."""

import os
from dataclasses import dataclass
from pathlib import Path

from fedclinic.transports import PrefectTransport, Transport

WORKSPACE_VARIABLE = "FEDCLINIC_WORKSPACE"


@dataclass(frozen=True)
class Workspace:
    """The folder of one coordinator: runs, blobs, keys, MLflow's and Prefect's local stores."""

    root: Path

    @property
    def signing_key(self) -> Path:
        return self.root / "keys" / "coordinator.pem"

    @property
    def next_signing_key(self) -> Path:
        return self.root / "keys" / "coordinator.next.pem"

    @property
    def blobs(self) -> Path:
        return self.root / "blobs"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def deployments(self) -> Path:
        return self.root / "deployments"

    @property
    def logs(self) -> Path:
        """The signed log of each federation."""
        return self.root / "logs"

    @property
    def sites(self) -> Path:
        """Homes of the sites that run as child processes here."""
        return self.root / "sites"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def prefect(self) -> Path:
        return self.root / "prefect"

    @property
    def mlflow_database(self) -> Path:
        return self.root / "mlflow.db"

    @property
    def mlflow_artifacts(self) -> Path:
        return self.root / "mlflow-artifacts"

    def mlflow_uri(self) -> str:
        """MLFLOW_TRACKING_URI if it is set, else SQLite in the workspace."""
        return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.mlflow_database}"


def open_workspace(chosen: str | None) -> Workspace:
    """Resolve the workspace: the argument, else FEDCLINIC_WORKSPACE, else ./workspace."""
    root = Path(chosen or os.environ.get(WORKSPACE_VARIABLE) or "workspace").resolve()
    return Workspace(root)


def quieten_mlflow() -> None:
    """Keep MLflow to what it is asked: no telemetry, no progress bars; before it is imported."""
    defaults = {
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def set_tool_environment(workspace: Workspace) -> None:
    """Point Prefect and MLflow at the workspace; call before either is imported.

    What the user has set stays: with PREFECT_API_URL the flows run against that server.
    """
    defaults = {
        "PREFECT_HOME": str(workspace.prefect),
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        "HF_HUB_OFFLINE": "1",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    quieten_mlflow()
    workspace.prefect.mkdir(parents=True, exist_ok=True)


def use_prefect_server(transport: Transport) -> None:
    """Let the flows of a plan with transport `prefect` run on its server, whatever else is set."""
    if isinstance(transport, PrefectTransport):
        os.environ["PREFECT_API_URL"] = transport.api
        if transport.certificate is not None:
            os.environ["PREFECT_API_SSL_CERT_FILE"] = transport.certificate
