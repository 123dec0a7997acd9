"""The environment of a site's own flows: Prefect's state in the site's home, no logs out."""

import os

from site_agent.settings import SiteHome


def set_prefect_environment(home: SiteHome) -> None:
    """Point Prefect at the site's home; call before it is imported.

    With PREFECT_API_URL, which stays as the administrator set it, runs are shown on that server.
    Log records never reach a server: they might quote a note.
    """
    defaults = {
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        "GIT_PYTHON_REFRESH": "quiet",
        "RAY_DISABLE_IMPORT_WARNING": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    os.environ |= {
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    }
    home.prefect.mkdir(parents=True, exist_ok=True)
