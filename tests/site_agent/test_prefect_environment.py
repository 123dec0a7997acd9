"""Where a site's Prefect sends things is decided by site.yaml, and by nothing that lies about."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from site_agent.prefect_environment import environment_of_child, prefect_variables

SHOW = """
import json, os, sys
from pathlib import Path
from site_agent.prefect_environment import enter_prefect
enter_prefect(Path(sys.argv[1]), "http://own.example/api", None)
from prefect.settings import get_current_settings
s = get_current_settings()
print(json.dumps({"api": s.api.url, "logs": s.logging.to_api.enabled, "folder": os.getcwd(),
    "persist": s.results.persist_by_default, "insecure": s.api.tls_insecure_skip_verify,
    "headers": s.client.custom_headers, "secret": s.api.auth_string.get_secret_value()}))
"""
ELSEWHERE = "http://elsewhere.example/api"


def test_no_file_that_lies_about_redirects_a_sites_prefect(tmp_path: Path):
    anywhere = tmp_path / "anywhere"
    anywhere.mkdir()
    (anywhere / ".env").write_text(f"PREFECT_API_URL={ELSEWHERE}\nPREFECT_LOGGING_TO_API_ENABLED=1")
    (anywhere / "prefect.toml").write_text(
        f'[api]\nurl = "{ELSEWHERE}"\ntls_insecure_skip_verify = true\n'
        "[results]\npersist_by_default = true\n"
    )
    home = tmp_path / "person" / ".prefect"
    home.mkdir(parents=True)
    (home / "profiles.toml").write_text(
        f'active = "x"\n[profiles.x]\nPREFECT_API_URL = "{ELSEWHERE}"\n'
        'PREFECT_CLIENT_CUSTOM_HEADERS = \'{"x": "y"}\'\n'
    )
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "person"),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PREFECT_API_URL": ELSEWHERE,
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "true",
        "PREFECT_API_AUTH_STRING": "own:secret",
    }
    shown = subprocess.run(
        [sys.executable, "-c", SHOW, str(tmp_path / "home")],
        cwd=anywhere,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert json.loads(shown.stdout) == {
        "api": "http://own.example/api",
        "logs": False,
        "folder": str(tmp_path / "home"),
        "persist": False,
        "insecure": False,
        "headers": {},
        "secret": "own:secret",
    }


def test_the_process_that_handles_notes_inherits_named_variables_only(
    monkeypatch: pytest.MonkeyPatch,
):
    for name in ("AWS_SECRET_ACCESS_KEY", "LD_PRELOAD", "PREFECT_API_URL", "PYTHONSTARTUP"):
        monkeypatch.setenv(name, "strange")
    monkeypatch.setenv("FEDCLINIC_BASE_MODEL", "/models/minilm")
    environment = environment_of_child()
    assert "strange" not in environment.values()
    assert environment["FEDCLINIC_BASE_MODEL"] == "/models/minilm"


def test_a_site_that_has_a_server_starts_none_of_its_own(tmp_path: Path):
    assert (
        prefect_variables(tmp_path, "http://own.example/api", None)[
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"
        ]
        == "false"
    )
    assert "PREFECT_API_URL" not in prefect_variables(tmp_path, "in_process", None)
