"""A simulated federation gives the model that real processes with Prefect between them give."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml

from fedclinic.methods import ServerState, decode_state, make_method
from fedclinic.simulation.federation import Simulation, run_rounds
from fedclinic.simulation.site_data import SiteData
from fedclinic.simulation.trunk import SharedTrunk
from fedclinic.updates.blobs import BlobFolder
from flows.rounds import work_of
from flows.run_store import RunHeader, RunStore
from site_agent.keys import load_secret
from site_agent.note_store import NoteStore
from site_agent.settings import load_site_config
from site_agent.site_home import SiteHome
from site_agent.synthesize import write_cohort
from site_agent.workbench import Workbench, build_workbench
from tests.end_to_end.conftest import HOSPITALS, Setting, plan_document, site_document
from tests.factories import make_signing_key
from tests.fakes import FakeProgress, installed_auditing_policy
from tests.tiny_site import public_text


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path) -> Setting:
    """A federation without noise, whose sites compute in full precision and without a cache."""
    root = tmp_path_factory.mktemp("plain")
    write_cohort(root / "notes", hospitals=HOSPITALS, patients=8, test_patients=4, alpha=1, seed=3)
    exact = {"cache_activations": False, "precision": "fp32", "device": "cpu"}
    (root / "auditing.yaml").write_text(
        yaml.safe_dump(installed_auditing_policy(planted=0).model_dump())
    )
    exact["auditing_policy"] = "auditing.yaml"  # the simulator plants nobody among the notes
    site = (
        site_document("{site}", "notes/{site}.jsonl", tiny_model_folder, evaluation=False) | exact
    )
    site["permissions"]["unprotected"] = True  # type: ignore[index]
    (root / "site.yaml").write_text(yaml.safe_dump(site))
    test = site_document("evaluation", "notes/test.jsonl", tiny_model_folder, evaluation=True)
    (root / "evaluation.yaml").write_text(yaml.safe_dump(test))
    privacy = {"protection": "none", "epochs_per_round": 1, "batch_notes": 4, "seed": 5}
    sites = [{"name": name, "weight": weight} for weight, name in enumerate(HOSPITALS, start=1)]
    changes = {"federation": "plain", "rounds": 2, "privacy": privacy, "sites": sites}
    admission = {"max_update_norm": 1000, "dtype": "BF16"}
    plan = plan_document() | changes | {"admission": admission}
    (root / "federation.yaml").write_text(yaml.safe_dump(plan))
    return Setting(root, tiny_model_folder)


@pytest.fixture(scope="module")
def finished(plain: Setting) -> subprocess.CompletedProcess[str]:
    return plain.run("train", str(plain.plan))


def run_of(setting: Setting) -> tuple[RunHeader, RunStore]:
    store = RunStore(next((setting.workspace / "runs").iterdir()))
    return store.header(), store


def workbench_of(setting: Setting, header: RunHeader, site: str) -> Workbench:
    """What the site itself trained on: its store of de-identified notes, encoded again."""
    home = SiteHome(setting.workspace / "sites" / "plain" / site)
    values = {"site": site, "coordinator": public_text(make_signing_key())}
    config = load_site_config(setting.root / "site.yaml", values)
    store = NoteStore.open(home.notes, load_secret(home.store_key))
    plan = header.plan
    layers = (plan.task, plan.base_model, plan.layers)
    return build_workbench(config, home, store, layers, FakeProgress())


def simulated(setting: Setting, header: RunHeader) -> ServerState:
    benches = {site: workbench_of(setting, header, site) for site in HOSPITALS}
    first = benches[HOSPITALS[0]]
    simulation = Simulation(
        trunk=SharedTrunk.of(first.model),
        precision=first.precision,
        work=work_of(header.plan),
        method=make_method(header.plan.method, HOSPITALS),
        sites={site: SiteData(bench.notes, bench.hidden) for site, bench in benches.items()},
        weights=header.plan.weights(),
        noise_key=lambda site, number: bytes(32),
        folder=setting.root / "scratch",
    )
    return list(run_rounds(simulation))[-1].state


def test_the_simulator_and_production_give_the_same_model_bit_for_bit(
    plain: Setting, finished: subprocess.CompletedProcess[str]
) -> None:
    assert finished.returncode == 0, finished.stderr[-2000:]
    header, store = run_of(plain)
    ours = simulated(plain, header)
    blob = BlobFolder(plain.workspace / "blobs").find(store.rounds()[-1].checkpoint).read_bytes()
    theirs = decode_state(blob, like=ours)
    assert theirs.round_number == ours.round_number == 2
    for name, values in theirs.change.items():
        assert np.array_equal(ours.change[name], values), name
    assert any(np.abs(values).max() > 0 for values in theirs.change.values())
