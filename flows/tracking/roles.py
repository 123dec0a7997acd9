"""Accounts on an MLflow server with basic authentication: who may read, and who may write what.

By default nobody may see anything (`default_permission = NO_PERMISSIONS`); an account is let into
one federation's experiment and registered model.
"""

import secrets
import warnings
from typing import Literal

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from fedclinic.errors import EvidenceError
from flows.tracking.patience import impatient, reason_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the server's own libraries, which come along
    from mlflow.server.auth.client import AuthServiceClient

Role = Literal["auditor", "site", "coordinator"]

PERMISSIONS: dict[Role, str] = {"auditor": "READ", "site": "READ", "coordinator": "MANAGE"}
"""A site reads the federation that it takes part in; it writes nothing: it signs."""


def open_account(uri: str, federation: str, name: str, role: Role) -> str | None:
    """Let an account into a federation; makes it if there is none.

    The caller's own credentials are MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.

    Returns:
        The password of a new account, which is told only here; None if there was one.

    Raises:
        EvidenceError: if the server refuses or cannot be reached.
    """
    try:
        with impatient():
            return _open_account(uri, federation, name, role)
    except MlflowException as error:
        raise EvidenceError(f"MLflow at {uri}: {reason_of(error)}") from None


def _open_account(uri: str, federation: str, name: str, role: Role) -> str | None:
    experiment = MlflowClient(uri).get_experiment_by_name(federation)
    if experiment is None:
        raise EvidenceError(f"MLflow at {uri} has no experiment '{federation}' yet")
    accounts = AuthServiceClient(uri)
    password = None
    if not _exists(accounts, name):
        password = secrets.token_urlsafe(18)
        accounts.create_user(name, password)
    resources = {
        "experiment": str(experiment.experiment_id),
        "registered_model": federation,
    }
    for kind, identifier in resources.items():
        _let_in(accounts, name, kind, identifier, PERMISSIONS[role])
    return password


def _let_in(
    accounts: AuthServiceClient, name: str, kind: str, identifier: str, permission: str
) -> None:
    """Give a permission in place of the one that the account may have had."""
    try:
        accounts.grant_user_permission(name, kind, identifier, permission)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        accounts.revoke_user_permission(name, kind, identifier)
        accounts.grant_user_permission(name, kind, identifier, permission)


def _exists(accounts: AuthServiceClient, name: str) -> bool:
    try:
        accounts.get_user(name)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise
    return True
