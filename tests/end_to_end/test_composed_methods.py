"""Layer dropout at the sites, personal layers in what they share, targeted layers in what is kept:
the three papers' methods at once, over real processes."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml

from fedclinic.methods import ServerState, decode_state, make_method
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.shared import block_of, number_of
from flows.run_store import RunHeader, RunStore, SiteOutcome
from flows.settings import Workspace
from site_agent.synthesize import write_cohort
from tests.end_to_end.conftest import HOSPITALS, Setting, plan_document, site_document
from tests.tiny_models import BLOCKS

ROUNDS, SHARED, KEPT = 2, 2, 1
METHOD = {
    "name": "fedtlu",
    "keep": KEPT,
    "guarded": True,
    "inner": {"name": "droppeft", "rate": 1 / 3, "share": SHARED / BLOCKS - 0.01},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path) -> RunStore:
    """A run of the composed plan, from the command line to its end."""
    root = tmp_path_factory.mktemp("composed")
    write_cohort(
        root / "notes", hospitals=HOSPITALS, patients=12, test_patients=8, alpha=1.0, seed=3
    )
    for site, notes, public in (("{site}", "{site}", False), ("evaluation", "test", True)):
        document = site_document(site, f"notes/{notes}.jsonl", tiny_model_folder, evaluation=public)
        document["permissions"] |= {"max_trained_blocks": BLOCKS}  # type: ignore[operator]
        name = "evaluation.yaml" if public else "site.yaml"
        (root / name).write_text(yaml.safe_dump(document))
    plan = plan_document() | {"layers": {"top": BLOCKS}, "method": METHOD, "rounds": ROUNDS}
    (root / "federation.yaml").write_text(yaml.safe_dump(plan))
    setting = Setting(root, tiny_model_folder)
    finished = setting.run("train", str(setting.plan))
    assert finished.returncode == 0, finished.stderr[-2000:]
    (run,) = Workspace(setting.workspace).runs.glob("*")
    return RunStore(run)


def outcomes_of(store: RunStore) -> list[SiteOutcome]:
    return [outcome for record in store.rounds() for outcome in record.outcomes]


def blobs_of(store: RunStore) -> BlobFolder:
    return BlobFolder(Workspace(store.root.parents[1]).blobs)


def names_in(path: Path) -> set[str]:
    """The tensors of a safetensors file."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    return set(json.loads(content[8 : 8 + length]))


def states_of(store: RunStore, header: RunHeader) -> list[ServerState]:
    start = make_method(header.plan.method, header.plan.site_names()).init(header.shapes)
    found = [
        decode_state(blobs_of(store).find(record.checkpoint).read_bytes(), start)
        for record in store.rounds()
    ]
    return found if found[0].round_number == 0 else [start, *found]


def test_every_site_trained_with_dropout_and_was_admitted_in_every_round(store: RunStore) -> None:
    outcomes = outcomes_of(store)
    assert [outcome.verdict for outcome in outcomes] == ["admitted"] * ROUNDS * len(HOSPITALS)


def test_what_a_site_keeps_is_in_no_file_that_it_sent(store: RunStore) -> None:
    for outcome in outcomes_of(store):
        assert outcome.report is not None
        update = outcome.report.update
        assert update is not None
        assert len(update.personal) == BLOCKS - SHARED
        sent = names_in(blobs_of(store).find(update.blob))
        blocks = {number_of(block) for name in sent if (block := block_of(name)) is not None}
        assert blocks == set(range(BLOCKS)) - set(update.personal)


def test_of_what_was_sent_the_coordinator_changed_only_the_blocks_that_it_chose(
    store: RunStore,
) -> None:
    states = states_of(store, store.header())
    records = [record for record in store.rounds() if record.diagnostics is not None]
    for (before, after), record in zip(pairwise(states), records, strict=True):
        assert record.diagnostics is not None
        selected = record.diagnostics.selected
        assert selected is not None
        assert len(selected) == KEPT
        changed = {
            block_of(name)
            for name in after.change
            if not np.array_equal(before.change[name], after.change[name])
        }
        assert changed == {None, *selected}, "the head, and what was chosen"


def test_a_site_goes_on_from_the_blocks_that_it_kept(store: RunStore) -> None:
    workspace = Workspace(store.root.parents[1])
    for site in HOSPITALS:
        kept = list((workspace.root / "sites" / "tiny" / site).rglob("personal/**/*"))
        assert [path for path in kept if path.is_file()]
