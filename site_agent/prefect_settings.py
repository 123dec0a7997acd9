"""The environment of the flows that an administrator starts by hand, set before Prefect is read."""

import os

from site_agent.prefect_environment import IN_PROCESS, prefect_variables
from site_agent.site_home import SiteHome

_QUIET = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "GIT_PYTHON_REFRESH": "quiet",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def set_prefect_environment(home: SiteHome) -> None:
    """Point Prefect at the site's home; call before it is imported.

    With PREFECT_API_URL, which stays as the administrator set it, runs are shown on that server.
    Log records never reach a server: they might quote a note.
    """
    api = os.environ.get("PREFECT_API_URL", IN_PROCESS)
    os.environ.update(prefect_variables(home.prefect, api, None) | _QUIET)
    home.prefect.mkdir(parents=True, exist_ok=True, mode=0o700)
