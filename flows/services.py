"""The coordinator's servers, started and ended together: exchange, Prefect, MLflow.

Only the exchange listens to the network; Prefect and MLflow listen to this machine, each behind an
account, MLflow with no permission for anybody else by default.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fedclinic.errors import RunError
from flows.accounts import mlflow_account, prefect_account, write_private
from flows.settings import Workspace

LOCAL = "127.0.0.1"
STOP_SECONDS = 15.0
LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Server:
    name: str
    listens: tuple[str, int]
    command: Sequence[str]
    environment: Mapping[str, str]


def prefect_server(workspace: Workspace, port: int) -> Server:
    """Prefect; its database is PREFECT_API_DATABASE_CONNECTION_URL or SQLite."""
    account = prefect_account(workspace)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", LOCAL]
    environment = {
        "PREFECT_UI_STATIC_DIRECTORY": str(workspace.prefect / "ui"),
        "PREFECT_UI_API_URL": f"http://{LOCAL}:{port}/api",
        "PREFECT_SERVER_API_AUTH_STRING": f"{account.username}:{account.password}",
    }
    return Server("prefect", (LOCAL, port), [*command, "--port", str(port)], environment)


def mlflow_server(workspace: Workspace, port: int) -> Server:
    """MLflow with basic authentication; its database is MLFLOW_BACKEND_STORE_URI or SQLite."""
    account = mlflow_account(workspace)
    folder = workspace.root / "mlflow-accounts"
    folder.mkdir(mode=0o700, exist_ok=True)
    settings = folder / "basic_auth.ini"
    store = os.environ.get("MLFLOW_BACKEND_STORE_URI", "")
    accounts = store if store.startswith("postgresql") else f"sqlite:///{folder / 'accounts.db'}"
    write_private(
        settings,
        "[mlflow]\n"
        "default_permission = NO_PERMISSIONS\n"
        f"database_uri = {accounts.replace('%', '%%')}\n"
        f"admin_username = {account.username}\n"
        f"admin_password = {account.password}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n",
    )
    command = [sys.executable, "-m", "mlflow", "server", "--host", LOCAL, "--port", str(port)]
    command += ["--app-name", "basic-auth", "--workers", "1"]
    if not store:
        command += ["--backend-store-uri", f"sqlite:///{workspace.mlflow_database}"]
    command += ["--default-artifact-root", workspace.mlflow_artifacts.as_uri()]
    secret = {
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
    }
    return Server("mlflow", (LOCAL, port), command, secret)


def run_servers(servers: Sequence[Server], logs: Path, ready: Callable[[], None]) -> None:
    """Start servers and wait; Ctrl-C, SIGTERM or the end of one ends all.

    Args:
        servers: what to start.
        logs: folder for what they say, a file each.
        ready: called when all of them answer.

    Raises:
        RunError: if one ends by itself.
    """
    logs.mkdir(parents=True, exist_ok=True)
    running: dict[str, subprocess.Popen[bytes]] = {}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        for server in servers:
            running[server.name] = _start(server, logs)
        while not all(_answers(server) for server in servers):
            _look_after(running, logs)
        ready()
        while True:
            _look_after(running, logs)
    finally:
        _end(list(running.values()))


def _start(server: Server, logs: Path) -> subprocess.Popen[bytes]:
    with (logs / f"{server.name}.log").open("ab") as log:
        return subprocess.Popen(
            server.command,
            stdout=log,
            stderr=log,
            env=os.environ | dict(server.environment),
            start_new_session=True,
        )


def _look_after(running: Mapping[str, subprocess.Popen[bytes]], logs: Path) -> None:
    for name, process in running.items():
        if process.poll() is not None:
            raise RunError(f"{name} ended by itself; is its port taken? See {logs / f'{name}.log'}")
    time.sleep(LOOK_SECONDS)


def _answers(server: Server) -> bool:
    try:
        socket.create_connection(server.listens, timeout=LOOK_SECONDS).close()
    except OSError:
        return False
    return True


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
