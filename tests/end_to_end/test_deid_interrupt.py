"""Ctrl-C in the middle of `fedclinic-site deid run`, as a real process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from site_agent.synthesize import write_cohort
from tests.end_to_end.conftest import site_document
from tests.processes import children_of, listen_to_interrupts

PATIENTS = 150
PATIENCE_SECONDS = 240.0
COORDINATOR = "0" * 64


@pytest.fixture
def command(tmp_path: Path, tiny_model_folder: Path) -> list[str]:
    write_cohort(
        tmp_path / "notes",
        hospitals=["north"],
        patients=PATIENTS,
        test_patients=2,
        alpha=1.0,
        seed=3,
    )
    notes = str(tmp_path / "notes" / "north.jsonl")
    document = site_document("north", notes, tiny_model_folder, evaluation=False)
    config = tmp_path / "site.yaml"
    config.write_text(yaml.safe_dump(document))
    paths = ["--config", str(config), "--home", str(tmp_path / "home")]
    values = ["--set", f"coordinator={COORDINATOR}", "--canary-notes", "0"]
    return [sys.executable, "-m", "site_agent", "deid", "run", *paths, *values]


def start(command: list[str]) -> subprocess.Popen[str]:
    """Start it as from a terminal."""
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        preexec_fn=listen_to_interrupts,  # noqa: PLW1509 - this process has no threads here
    )


def wait_for_detector(running: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not children_of(running.pid):
        assert running.poll() is None, running.communicate()[0][-2000:]
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_interrupted_run_ends_with_130_and_the_next_one_finishes(command: list[str]) -> None:
    running = start(command)
    wait_for_detector(running)
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=PATIENCE_SECONDS)
    assert running.returncode == 130, said[-2000:]
    assert "the next run goes on from there" in said
    assert "Traceback" not in said
    said, _ = (again := start(command)).communicate(timeout=PATIENCE_SECONDS)
    assert again.returncode == 0, said[-2000:]
    assert f"notes of {PATIENTS} patients may be used" in said
