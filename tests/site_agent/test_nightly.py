"""De-identification on a schedule: Prefect learns how it ended, and nothing of what it wrote."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from site_agent.__main__ import main
from site_agent.nightly import COMMAND_VARIABLE, nightly_deidentification
from tests.command_line import type_here
from tests.factories import site_values

NOTE = "Zebedeus Quackenbosch was seen"
ENDS = {0: ("COMPLETED", "done"), 2: ("FAILED", "deidentification"), 1: ("FAILED", "unexpected")}


@pytest.mark.parametrize("code", ENDS)
def test_a_run_ends_as_its_process_did_and_repeats_none_of_its_words(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = f"import sys; print({NOTE!r}); print({NOTE!r}, file=sys.stderr); sys.exit({code})"
    log = tmp_path / "nightly.log"
    given = {"command": [sys.executable, "-c", program], "log": str(log)}
    monkeypatch.setenv(COMMAND_VARIABLE, json.dumps(given))
    state = nightly_deidentification.fn()
    assert (state.type.value, state.message) == ENDS[code]
    assert log.read_text().count(NOTE) == 2


@pytest.mark.parametrize("orchestration", [None, {"api": "in_process"}])
def test_without_a_server_of_the_hospitals_it_is_said_what_else_to_do(
    orchestration, tmp_path, monkeypatch, capsys
):
    values = site_values(tmp_path / "notes.jsonl", site="north") | {"orchestration": orchestration}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.chdir(tmp_path)
    complaint = type_here(main, ["deid", "nightly"], monkeypatch, capsys).complaint()
    assert "systemd timer call fedclinic-site deid run" in complaint
