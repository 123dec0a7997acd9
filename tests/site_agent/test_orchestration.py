"""A site's work as flow runs of its own: told to Prefect by its kind and its code, and no more."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, sys
from pathlib import Path
from site_agent.prefect_environment import enter_prefect
enter_prefect(Path(sys.argv[1]), "in_process", None)
from fedclinic.errors import DataError
from site_agent.site_flows import run_as_flow, send_no_events
send_no_events()
NOTE = "Zebedeus Quackenbosch was seen"
def give():
    print(NOTE)
    return NOTE
def refuse():
    raise DataError(NOTE)
def break_down():
    local = NOTE
    raise ValueError(f"cannot read {local}")
told = []
for work in (give, refuse, break_down):
    try:
        told.append(["gave", run_as_flow("site-task", "round-task", work)])
    except Exception as error:
        told.append([type(error).__name__, str(error)])
print("TOLD", json.dumps(told))
"""
NOTE = "Zebedeus Quackenbosch was seen"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[list[str]], Path]:
    """What three pieces of work gave to their caller, and the folder that Prefect wrote."""
    folder = tmp_path_factory.mktemp("home") / "prefect"
    finished = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder)],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder.parent),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    last = next(line for line in finished.stdout.splitlines() if line.startswith("TOLD "))
    return json.loads(last.removeprefix("TOLD ")), folder


def test_who_asked_for_the_work_gets_what_it_gave_or_raised(outcome):
    told, _ = outcome
    assert told == [
        ["gave", NOTE],
        ["DataError", NOTE],
        ["ValueError", f"cannot read {NOTE}"],
    ]


def test_prefect_is_told_the_kind_of_work_and_an_error_code(outcome):
    _, folder = outcome
    with sqlite3.connect(folder / "prefect.db") as database:
        runs = database.execute(
            "SELECT r.name, s.type, s.message, r.parameters FROM flow_run r "
            "JOIN flow_run_state s ON s.id = r.state_id ORDER BY r.created"
        ).fetchall()
    assert runs == [
        ("round-task", "COMPLETED", "done", "{}"),
        ("round-task", "FAILED", "data", "{}"),
        ("round-task", "FAILED", "unexpected", "{}"),
    ]


def test_nothing_of_a_note_is_in_any_file_that_prefect_wrote(outcome):
    _, folder = outcome
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "prefect.db" for path in files)
    for path in files:
        assert b"Quackenbosch" not in path.read_bytes(), path
