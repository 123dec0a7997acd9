"""The coordinator's servers, started and ended together: exchange, Prefect, MLflow.

Only the exchange listens to the network; Prefect and MLflow listen to this machine, MLflow behind
its own accounts with no permission for anybody by default.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fedclinic.errors import ConfigError, RunError
from fedclinic.records import Record
from flows.settings import Workspace

LOCAL = "127.0.0.1"
STOP_SECONDS = 15.0


class MlflowAccount(Record):
    """The one account of MLflow: the coordinator's. Hospitals have none."""

    username: str
    password: str


@dataclass(frozen=True)
class Server:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


def prefect_server(port: int) -> Server:
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", LOCAL]
    api = {"PREFECT_UI_API_URL": f"http://{LOCAL}:{port}/api"}
    return Server("prefect", [*command, "--port", str(port)], api)


def mlflow_server(workspace: Workspace, port: int) -> Server:
    """MLflow with basic authentication; its database is MLFLOW_BACKEND_STORE_URI or SQLite."""
    account = mlflow_account(workspace)
    folder = workspace.root / "mlflow-accounts"
    folder.mkdir(mode=0o700, exist_ok=True)
    settings = folder / "basic_auth.ini"
    _write_private(
        settings,
        "[mlflow]\n"
        "default_permission = NO_PERMISSIONS\n"
        f"database_uri = sqlite:///{folder / 'accounts.db'}\n"
        f"admin_username = {account.username}\n"
        f"admin_password = {account.password}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n",
    )
    command = [sys.executable, "-m", "mlflow", "server", "--host", LOCAL, "--port", str(port)]
    command += ["--app-name", "basic-auth", "--workers", "1"]
    if "MLFLOW_BACKEND_STORE_URI" not in os.environ:
        command += ["--backend-store-uri", f"sqlite:///{workspace.mlflow_database}"]
    command += ["--default-artifact-root", workspace.mlflow_artifacts.as_uri()]
    secret = {
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
    }
    return Server("mlflow", command, secret)


def mlflow_account(workspace: Workspace) -> MlflowAccount:
    """Read the coordinator's account, or make it on first use."""
    path = workspace.root / "keys" / "mlflow.json"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        account = MlflowAccount(username="coordinator", password=secrets.token_urlsafe(24))
        _write_private(path, account.model_dump_json())
    return MlflowAccount.model_validate_json(path.read_bytes())


def sign_in_to_mlflow(workspace: Workspace) -> None:
    """Be the coordinator towards MLflow, unless the environment names another account."""
    if "MLFLOW_TRACKING_USERNAME" not in os.environ:
        own = mlflow_account(workspace)
        os.environ["MLFLOW_TRACKING_USERNAME"] = own.username
        os.environ["MLFLOW_TRACKING_PASSWORD"] = own.password


def run_servers(servers: Sequence[Server], logs: Path, ready: Callable[[], None]) -> None:
    """Start servers and wait; Ctrl-C, SIGTERM or the end of one ends all.

    Raises:
        RunError: if one ends by itself.
    """
    logs.mkdir(parents=True, exist_ok=True)
    running: dict[str, subprocess.Popen[bytes]] = {}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        for server in servers:
            with (logs / f"{server.name}.log").open("ab") as log:
                running[server.name] = subprocess.Popen(
                    server.command,
                    stdout=log,
                    stderr=log,
                    env=os.environ | dict(server.environment),
                    start_new_session=True,
                )
        ready()
        while True:
            for name, process in running.items():
                if process.poll() is not None:
                    raise RunError(
                        f"{name} ended by itself; is its port taken? See {logs / f'{name}.log'}"
                    )
            time.sleep(0.5)
    finally:
        _end(list(running.values()))


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        _signal(process, signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal a server and the workers that it started."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _write_private(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
