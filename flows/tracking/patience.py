"""How long MLflow's client waits for a server that does not answer, and what is said of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException


@contextmanager
def impatient() -> Iterator[None]:
    """Let a server that does not answer be known in seconds, not after minutes of retries."""
    wanted = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ |= {name: value for name, value in wanted.items() if before[name] is None}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


def reason_of(error: MlflowException) -> str:
    """What went wrong, in one line that a person can act on."""
    reason = str(error.message).splitlines()[0]
    if "Max retries exceeded" in reason:
        return "no MLflow server answers there"
    return reason[:200]
