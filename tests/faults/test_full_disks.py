"""A full disk at a site, at the exchange, at the coordinator: it is told, and nothing is lost."""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fedclinic.digest import digest_bytes
from fedclinic.rounds import RoundTask
from fedclinic.updates.blobs import BlobFolder
from flows.run_store import RoundRecord, RunStore
from site_agent.child import in_words
from site_agent.site import Site
from site_agent.workbench import Workbench
from tests.flows.exchange.desk import Desk, asking, problem_of
from tests.small_disk import SmallDisk, may_mount, small_disk
from tests.tiny_site import TinySite, make_tiny_site, make_tiny_task

pytestmark = pytest.mark.skipif(not may_mount(), reason="needs root to mount a small disk")

FULL = f"\\[Errno {errno.ENOSPC}\\]"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", megabytes=24) as made:
        yield made


@pytest.fixture
def site(disk: SmallDisk, tiny_model_folder: Path) -> TinySite:
    return make_tiny_site(disk.root / "site", tiny_model_folder)


@dataclass
class FillingWorkbench:
    """Opens a site's workbench and then fills its disk: the budget is in use by then, once."""

    disk: SmallDisk
    inner: Callable[[RoundTask], Workbench]
    calls: int = 0

    def __call__(self, task: RoundTask) -> Workbench:
        bench = self.inner(task)
        self.calls += 1
        if self.calls == 1:
            self.disk.fill()
        return bench


def events(site: Site) -> list[str]:
    return [event.event for _, event in site.ledger.history()]


def test_a_site_without_room_refuses_before_anything_is_spent(site, disk):
    disk.fill()
    answer = site.answer(make_tiny_task())
    assert site.open(answer.last).status == "failed"
    assert answer.problem.endswith("database or disk is full")
    disk.make_room()
    assert site.spent() == 0
    assert site.run(make_tiny_task()).status == "completed"


def test_a_round_that_ran_out_of_room_goes_on_under_the_budget_that_it_had(site, disk):
    site.change(workbench=FillingWorkbench(disk, site.site.workbench))
    with pytest.raises(OSError, match=FULL):
        site.answer(make_tiny_task())
    held = site.spent()
    disk.make_room()
    assert site.run(make_tiny_task()).status == "completed"
    assert site.spent() == held
    assert events(site.site).count("reserved") == events(site.site).count("committed") == 1


def test_a_full_disk_is_told_to_the_site_in_words(disk):
    disk.fill()
    with pytest.raises(OSError, match=FULL) as raised:
        BlobFolder(disk.root / "outbox").put([b"update"])
    assert in_words(raised.value, disk.root) == f"the disk of {disk.root} is full: make room"


def test_an_exchange_without_room_takes_nothing_and_goes_on_when_there_is_some(disk):
    desk = Desk(disk.root / "exchange")
    task = desk.submit()
    leased = desk.lease()
    content = os.urandom(2**20)
    blob = digest_bytes(content)
    target = f"/v1/tasks/{task}/uploads/{blob.removeprefix('sha256:')}?lease={leased.lease}"
    assert desk.send("POST", f"{target}&total={len(content)}").status_code == 200
    disk.fill()
    response = desk.send("PUT", f"{target}&offset=0", content)
    assert problem_of(response) in ("storage", "busy")
    disk.make_room()
    path = disk.root / "update"
    path.write_bytes(content)
    desk.client().upload(task, leased.lease, path, blob, until=desk.clock.now + 60)
    assert desk.exchange.uploads.are_complete("north", (blob,))


def test_an_exchange_whose_database_has_no_room_is_busy_until_it_has(disk):
    desk = Desk(disk.root / "exchange")
    desk.submit()
    disk.fill()
    refused = {
        problem_of(desk.send("POST", "/v1/lease", asking().model_dump_json().encode()))
        for _ in range(60)
    }
    assert refused == {"busy"}
    disk.make_room()
    assert desk.client().lease(asking()) is not None


def record(number: int) -> RoundRecord:
    return RoundRecord(
        round_number=number,
        checkpoint=digest_bytes(b""),
        state_bytes=0,
        seconds=0.0,
        outcomes=(),
        diagnostics=None,
        evaluations=(),
    )


def test_a_coordinator_without_room_keeps_the_last_whole_checkpoint(disk):
    store, blobs = RunStore(disk.root / "run"), BlobFolder(disk.root / "blobs")
    store.write_round(record(1))
    kept, _ = blobs.put([b"a model"])
    disk.fill()
    with pytest.raises(OSError, match=FULL):
        store.write_round(record(2))
    with pytest.raises(OSError, match=FULL):
        blobs.put([b"another model"])
    assert [found.round_number for found in store.rounds()] == [1]
    assert [path.name for path in blobs.root.iterdir()] == [kept.removeprefix("sha256:")]
    disk.make_room()
    store.write_round(record(2))
    assert [found.round_number for found in store.rounds()] == [1, 2]
