"""Personal blocks live at the site, in a file of its own, and never leave it."""

import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedclinic.errors import DataError
from fedclinic.method_parts import LayerDropout, Training
from fedclinic.rounds import Work
from fedclinic.updates.codec import UpdateFile, encode_chunks
from fedclinic.updates.shared import blocks_in, number_of, shared_schema
from site_agent.personal_store import PersonalStore
from tests.factories import make_unprotected, make_work
from tests.tiny_models import save_tiny_bert
from tests.tiny_site import TinySite, make_tiny_site, make_tiny_task

TRAINING = Training(dropout=LayerDropout(rate=0.3), share=0.5)


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_tiny_bert(folder)
    return folder


@pytest.fixture
def tiny(tmp_path: Path, model_folder: Path) -> TinySite:
    tiny = make_tiny_site(tmp_path / "site", model_folder)
    tiny.allow(unprotected=True, max_trained_blocks=3)
    return tiny


def make_personal_work(protected: bool, **changes: Any) -> Work:
    values: dict[str, Any] = {
        "training": TRAINING,
        "layers": make_work().layers.model_copy(update={"top": 3}),
    }
    if not protected:
        values["privacy"] = make_unprotected()
    return make_work(**values | changes)


@pytest.mark.parametrize("protected", [True, False])
def test_a_personal_block_is_kept_at_the_site_and_not_sent(tiny, protected):
    work = make_personal_work(protected)
    report = tiny.run(make_tiny_task(work=work))
    assert report.status == "completed"
    assert report.update is not None
    assert len(report.update.personal) == 1  # of three blocks, the half rounded up is shared
    schema = tiny.site.workbench(make_tiny_task(work=work)).model.shapes()
    sent = shared_schema(schema, TRAINING, report.update.personal)
    with UpdateFile(tiny.site.blobs.find(report.update.blob), sent, "F32") as file:
        sent_blocks = {number_of(block) for block in blocks_in(file)}
    kept = PersonalStore(tiny.home.personal).load("run-a", 2, schema)
    kept_blocks = {number_of(block) for block in blocks_in(kept)}
    assert kept_blocks == set(report.update.personal)
    assert sent_blocks | kept_blocks == {0, 1, 2}
    assert not sent_blocks & kept_blocks
    assert all(np.any(tensor) for tensor in kept.values())


def test_the_files_of_personal_blocks_are_the_sites_alone(tiny):
    tiny.run(make_tiny_task(work=make_personal_work(False)))
    files = list(tiny.home.personal.iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_the_next_round_goes_on_from_the_personal_block(tiny):
    work = make_personal_work(False)
    first = tiny.run(make_tiny_task(work=work))
    bench = tiny.site.workbench(make_tiny_task(work=work))
    schema = bench.model.shapes()
    kept = PersonalStore(tiny.home.personal).load("run-a", 2, schema)
    zeros = {name: np.zeros(shape, np.float32) for name, shape in schema.items()}
    state, _ = tiny.site.blobs.put(encode_chunks(zeros, "F32"))
    second = tiny.run(make_tiny_task(work=work, round_number=2, state=state, nonce="1" * 32))
    assert first.update is not None
    assert second.status == "completed"
    again = PersonalStore(tiny.home.personal).load("run-a", 3, schema)
    for name in kept.keys() & again.keys():
        moved = np.linalg.norm(again[name] - kept[name])
        assert moved < np.linalg.norm(again[name]) or not np.any(kept[name])


def test_a_plan_without_personal_blocks_reads_and_writes_none(tiny):
    report = tiny.run(make_tiny_task(work=make_personal_work(False, training=Training())))
    assert report.update is not None
    assert report.update.personal == ()
    assert not tiny.home.personal.exists()


def test_a_repeated_round_starts_from_the_round_before_it(tmp_path):
    store = PersonalStore(tmp_path / "personal")
    schema = {"layer.0.w": (2,), "layer.1.w": (2,)}
    for number in (1, 2, 3):
        store.keep("run-a", number, {"layer.1.w": np.full(2, number, np.float32)})
    assert store.load("run-a", 3, schema)["layer.1.w"].tolist() == [2.0, 2.0]
    assert store.load("run-a", 4, schema)["layer.1.w"].tolist() == [3.0, 3.0]
    assert store.load("run-b", 4, schema) == {}
    assert len(list((tmp_path / "personal").iterdir())) == 4


def test_a_damaged_file_of_personal_blocks_is_refused(tmp_path):
    store = PersonalStore(tmp_path)
    store.keep("run-a", 1, {"layer.1.w": np.ones(2, np.float32)})
    with pytest.raises(DataError, match="run-a cannot be read"):
        store.load("run-a", 2, {"layer.0.w": (2,)})
