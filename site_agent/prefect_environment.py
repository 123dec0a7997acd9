"""The environment in which a site's Prefect runs: all of it decided here, before it is imported.

Prefect also reads `.env`, prefect.toml and pyproject.toml of the working directory and a profile,
any of which could send the site's runs elsewhere. So every variable of Prefect's is either set
here or removed, and the process works in a folder of its own that holds no such file.
"""

import os
import sys
from pathlib import Path

from fedclinic.errors import ConfigError

IN_PROCESS = "in_process"
"""Instead of an address: the process starts an API of its own on an SQLite file, and no server."""

SECRETS = ("PREFECT_API_AUTH_STRING", "PREFECT_API_KEY")
"""What only the environment may hold; everything else of Prefect's is in site.yaml."""

PASSED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "VIRTUAL_ENV",
    "SYSTEMROOT",
    "SSL_CERT_FILE",
    "HTTPS_PROXY",
    "NO_PROXY",
    "OMP_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
)
"""What a process that handles notes gets of its parent's environment, besides FEDCLINIC_*."""


def prefect_variables(folder: Path, api: str, certificate: str | None) -> dict[str, str]:
    """Every setting of Prefect's that decides where runs, logs and results go."""
    variables = {
        "PREFECT_HOME": str(folder),
        "PREFECT_PROFILES_PATH": str(folder / "profiles.toml"),
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_LOGGING_LOG_PRINTS": "false",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_TASKS_DEFAULT_PERSIST_RESULT": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true" if api == IN_PROCESS else "false",
        "PREFECT_API_TLS_INSECURE_SKIP_VERIFY": "false",
        "PREFECT_CLIENT_CUSTOM_HEADERS": "{}",
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_WORKER_PREFETCH_SECONDS": "2",
        "DO_NOT_TRACK": "1",
    }
    if api != IN_PROCESS:
        variables["PREFECT_API_URL"] = api
    if certificate is not None:
        variables["PREFECT_API_SSL_CERT_FILE"] = certificate
    return variables


def enter_prefect(folder: Path, api: str, certificate: str | None) -> None:
    """Make this process one whose Prefect obeys site.yaml alone.

    Raises:
        ConfigError: if Prefect was imported before, and has read its settings already.
    """
    if "prefect" in sys.modules:
        raise ConfigError("Prefect was imported before its environment was set")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chdir(folder)
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        if name not in SECRETS:
            del os.environ[name]
    os.environ.update(prefect_variables(folder, api, certificate))


def environment_of_child() -> dict[str, str]:
    """What a process that handles notes is started with: named variables, and nothing else."""
    passed = {name: os.environ[name] for name in (*PASSED, *SECRETS) if name in os.environ}
    passed |= {k: v for k, v in os.environ.items() if k.startswith("FEDCLINIC_")}
    return passed | {
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(
            entry for entry in sys.path if entry and Path(entry).is_dir()
        ),
    }
