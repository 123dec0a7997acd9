"""The MLflow with accounts that `fedclinic up` starts, over a workspace of a test."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flows.services import mlflow_server
from flows.settings import Workspace
from tests.processes import answers, free_port


@contextmanager
def running_mlflow(workspace: Workspace) -> Iterator[str]:
    port = free_port()
    started = mlflow_server(workspace, port)
    with (workspace.root / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(
            started.command, env=os.environ | dict(started.environment), stdout=log, stderr=log
        )
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def wait_for(port: int) -> None:
    for _ in range(240):
        if answers(port):
            return
        time.sleep(0.5)
    pytest.fail("the server did not start")
