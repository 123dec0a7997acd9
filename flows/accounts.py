"""The coordinator's own accounts at its Prefect and MLflow servers. Hospitals have none."""

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from fedclinic.errors import ConfigError
from fedclinic.records import Record
from flows.settings import Workspace, set_tool_environment

NAME = "coordinator"
_HERE = ("127.0.0.1", "localhost", "::1")


class Account(Record):
    """Name and password at one server."""

    username: str
    password: str


def mlflow_account(workspace: Workspace) -> Account:
    """Read the coordinator's account at MLflow, or make it on first use."""
    return _account(workspace.root / "keys" / "mlflow.json")


def prefect_account(workspace: Workspace) -> Account:
    """Read the coordinator's account at Prefect, the only one there is, or make it."""
    return _account(workspace.root / "keys" / "prefect.json")


def enter_workspace(workspace: Workspace) -> None:
    """Set the environment for Prefect and MLflow, signed in to the servers of `fedclinic up`.

    Call before either is imported. An account that the environment names already stays.
    """
    set_tool_environment(workspace)
    if _is_here("PREFECT_API_URL"):
        account = prefect_account(workspace)
        credential = f"{account.username}:{account.password}"
        os.environ.setdefault("PREFECT_API_AUTH_STRING", credential)
    if _is_here("MLFLOW_TRACKING_URI"):
        sign_in_to_mlflow(workspace)


def sign_in_to_mlflow(workspace: Workspace) -> None:
    """Be the coordinator towards MLflow, unless the environment names another account."""
    if "MLFLOW_TRACKING_USERNAME" not in os.environ:
        own = mlflow_account(workspace)
        os.environ["MLFLOW_TRACKING_USERNAME"] = own.username
        os.environ["MLFLOW_TRACKING_PASSWORD"] = own.password


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read.

    Raises:
        ConfigError: if it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _account(path: Path) -> Account:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = Account(username=NAME, password=secrets.token_urlsafe(24))
        write_private(path, fresh.model_dump_json())
    return Account.model_validate_json(path.read_bytes())


def _is_here(variable: str) -> bool:
    """Whether a variable names a server of this machine: no other one is told a password."""
    address = os.environ.get(variable, "")
    return address.startswith("http") and urlsplit(address).hostname in _HERE
