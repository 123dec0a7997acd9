"""The demo: four synthetic hospitals train one model together, on this machine, in minutes."""

import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from rich.console import Console

from fedclinic.errors import RunError
from flows.plan_file import load_plan
from flows.session import Session
from flows.settings import Workspace

TEST_PATIENTS = 60
"""Patients per hospital in the evaluation notes."""
MOST_NOTES = 2
"""Of a patient, so that encoding them and training without privacy do not take too long."""


@dataclass(frozen=True)
class Cohort:
    """What the demo's hospitals are like."""

    patients: int
    """Per hospital."""
    alpha: float
    """Dirichlet concentration of labels over hospitals; small means specialised hospitals."""
    seed: int


def demo_workspace(workspace: Workspace) -> Workspace:
    """A workspace of its own for one demo, inside the given one.

    Every demo makes new hospitals, with ledgers of their own: the budget of a hospital that took
    part before is never touched.
    """
    return Workspace(workspace.root / time.strftime("demo-%Y%m%d-%H%M%S"))


def run_demo(workspace: Workspace, console: Console, cohort: Cohort, *, everything: bool) -> None:
    """Generate a new cohort, train over it, compare, and print the tables."""
    session = Session(workspace, console)
    with resources.as_file(resources.files(__package__)) as folder:
        plan = load_plan(folder / "federation.yaml")
        names = plan.site_names()
        console.print(
            f"Generating {cohort.patients} synthetic patients for each of {', '.join(names)} ...",
            highlight=False,
        )
        data = workspace.root / "cohort"
        _generate(data, names, cohort)
        main = session.start(plan, "Federation with DP", str(data), "dp")
        runs = session.compare(plan, main, str(data), everything=everything)
    session.show(runs)


def _generate(out: Path, hospitals: tuple[str, ...], cohort: Cohort) -> None:
    command = [sys.executable, "-m", "site_agent", "synthesize", "--out", str(out)]
    command += ["--hospitals", ",".join(hospitals), "--seed", str(cohort.seed)]
    command += ["--patients", str(cohort.patients), "--alpha", str(cohort.alpha)]
    command += ["--test-patients", str(TEST_PATIENTS), "--most-notes", str(MOST_NOTES)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise RunError(f"the cohort could not be generated: {finished.stderr.strip()[-300:]}")
