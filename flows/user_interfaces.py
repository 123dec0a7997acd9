"""Serve MLflow's and Prefect's own web pages over the workspace's stores."""

import os
import signal
import subprocess
import sys
import time

import click

from fedclinic.errors import RunError
from flows.settings import Workspace

STOP_SECONDS = 10.0


def serve_user_interfaces(
    workspace: Workspace, host: str, mlflow_port: int, prefect_port: int
) -> None:
    """Start both servers and wait; Ctrl-C or SIGTERM ends both.

    Raises:
        RunError: if the workspace has no run yet, or a server ends by itself.
    """
    if not workspace.mlflow_database.exists() and "MLFLOW_TRACKING_URI" not in os.environ:
        raise RunError(f"{workspace.root} holds no run yet; see fedclinic train")
    mlflow = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(mlflow_port)]
    mlflow += ["--backend-store-uri", workspace.mlflow_uri(), "--workers", "1"]
    mlflow += ["--default-artifact-root", workspace.mlflow_artifacts.as_uri()]
    prefect = [sys.executable, "-m", "prefect", "server", "start", "--host", host]
    prefect += ["--port", str(prefect_port)]
    logs = workspace.root / "ui.log"
    environment = os.environ | {"PREFECT_UI_API_URL": f"http://{host}:{prefect_port}/api"}
    with logs.open("ab") as log:
        servers = [
            subprocess.Popen(command, stdout=log, stderr=log, env=environment)
            for command in (mlflow, prefect)
        ]
    click.echo(f"MLflow   http://{host}:{mlflow_port}")
    click.echo(f"Prefect  http://{host}:{prefect_port}/runs")
    click.echo(f"Both take some seconds to start (log: {logs}). Ctrl-C ends them.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while all(server.poll() is None for server in servers):
            time.sleep(0.5)
        raise RunError(f"a server ended by itself; is its port taken? See {logs}")
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
