"""A whole federation on this machine: two tiny hospitals, a tiny model, the real command line."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from site_agent.synthesize import write_cohort

ROUNDS = 3
HOSPITALS = ("north", "south")
LABELS = [
    "cardiology",
    "pulmonology",
    "gastroenterology",
    "neurology",
    "orthopedics",
    "oncology",
    "nephrology",
    "endocrinology",
]


@dataclass(frozen=True)
class Setting:
    """A folder with a plan, its sites' notes and a workspace."""

    root: Path
    model: Path

    @property
    def plan(self) -> Path:
        return self.root / "federation.yaml"

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    def environment(self) -> dict[str, str]:
        unset = ("PREFECT_API_URL", "PREFECT_HOME", "MLFLOW_TRACKING_URI")
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        return kept | {
            "FEDCLINIC_BASE_MODEL": str(self.model),
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "flows", *arguments, "--workspace", str(self.workspace)]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def bare(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command that needs no workspace."""
        return subprocess.run(
            [sys.executable, "-m", "flows", *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def site_home(self, site: str) -> Path:
        return self.workspace / "sites" / "tiny" / site


def site_document(site: str, notes: str, model: Path, *, evaluation: bool) -> dict[str, object]:
    return {
        "site": site,
        "notes": {"path": notes, "format": "jsonl", "fields": {"label": "label"}},
        "deidentification": {"mode": "safe_harbor", "profile": "fast"},
        "permissions": {
            "coordinators": ["{coordinator}"],
            "models": {"tiny": str(model)},
            "max_trained_blocks": 2,
            "unprotected": evaluation,
            "evaluation": evaluation,
        },
        "min_patients": 5,
    }


def plan_document() -> dict[str, object]:
    return {
        "federation": "tiny",
        "task": {"kind": "document_classification", "labels": LABELS, "max_tokens": 48},
        "base_model": {"name": "tiny"},
        "layers": {"top": 1},
        "method": {"name": "fedavg"},
        "rounds": ROUNDS,
        "optimizer": {"name": "sgd", "learning_rate": 0.5},
        "privacy": {
            "protection": "patient_dp",
            "target_epsilon": 4,
            "delta": 1e-5,
            "sampling_rate": 0.3,
            "steps_per_round": 3,
            "clipping_norm": 1.0,
            "expected_patients": 4,
        },
        "admission": {"max_update_norm": 1000},
        "sites": [{"name": name, "weight": 1} for name in HOSPITALS],
        "quorum": 2,
        "deadline_minutes": 30,
        "transport": {"kind": "local", "site_config": "site.yaml"},
        "evaluation": {"site_config": "evaluation.yaml"},
    }


@pytest.fixture(scope="session")
def setting(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path) -> Setting:
    root = tmp_path_factory.mktemp("federation")
    write_cohort(
        root / "notes", hospitals=HOSPITALS, patients=12, test_patients=8, alpha=1.0, seed=3
    )
    site = site_document("{site}", "notes/{site}.jsonl", tiny_model_folder, evaluation=False)
    (root / "site.yaml").write_text(yaml.safe_dump(site))
    evaluation = site_document("evaluation", "notes/test.jsonl", tiny_model_folder, evaluation=True)
    (root / "evaluation.yaml").write_text(yaml.safe_dump(evaluation))
    (root / "federation.yaml").write_text(yaml.safe_dump(plan_document()))
    return Setting(root, tiny_model_folder)


@pytest.fixture(scope="session")
def finished(setting: Setting) -> subprocess.CompletedProcess[str]:
    """The plan, run once to its end."""
    return setting.run("train", str(setting.plan))
