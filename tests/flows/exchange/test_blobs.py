"""Bytes through the exchange: whole, as signed, from where they broke off, within bounds."""

import os
import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from fedclinic.digest import digest_bytes
from fedclinic.exchange_protocol import BlobRef, Done, Leased
from fedclinic.updates.blobs import BlobFolder
from flows.exchange.blob_store import TASKS_AREA, uploads_area
from flows.exchange.settings import Limits
from site_agent.exchange_client import TroubleError
from site_agent.file_pieces import PIECE_BYTES
from tests.flows.exchange.desk import (
    CONTENT,
    Desk,
    make_answer,
    make_task_envelope,
    problem_of,
)

DIGEST = digest_bytes(CONTENT)
HEX = DIGEST.removeprefix("sha256:")


@pytest.fixture
def leased(desk: Desk) -> Leased:
    desk.submit()
    return desk.lease()


def begin(desk: Desk, leased: Leased, total: int = len(CONTENT), blob: str = HEX) -> object:
    target = f"/v1/tasks/{leased.task}/uploads/{blob}?lease={leased.lease}&total={total}"
    return desk.send("POST", target)


def put(desk: Desk, leased: Leased, piece: bytes, offset: int, **changes: object) -> object:
    target = f"/v1/tasks/{leased.task}/uploads/{HEX}?lease={leased.lease}&offset={offset}"
    return desk.send("PUT", target, piece, signed_body=CONTENT[:offset] + piece, **changes)


def uploaded(desk: Desk) -> bytes:
    return b"".join(desk.exchange.store.read(uploads_area("north"), DIGEST))


def client_upload(desk: Desk, leased: Leased, path: Path) -> None:
    desk.client().upload(leased.task, leased.lease, path, DIGEST, until=desk.clock.now + 60)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "update"
    path.write_bytes(CONTENT)
    return path


def test_an_upload_arrives_whole_and_only_then_is_there(desk, leased, file):
    begin(desk, leased)
    put(desk, leased, CONTENT[:100], 0)
    assert not desk.exchange.store.exists(uploads_area("north"), DIGEST)
    client_upload(desk, leased, file)
    assert uploaded(desk) == CONTENT


def test_an_upload_goes_on_where_it_broke_off(desk, leased):
    begin(desk, leased)
    put(desk, leased, CONTENT[:1000], 0)
    assert begin(desk, leased).json() == {"received": 1000, "complete": False}
    assert put(desk, leased, CONTENT[1000:], 1000).json()["complete"]
    assert uploaded(desk) == CONTENT


def test_an_upload_goes_on_after_the_exchange_was_started_anew(desk, leased, file):
    begin(desk, leased)
    put(desk, leased, CONTENT[:1000], 0)
    again = Desk(desk.root, clock=desk.clock, database=desk.database)
    client_upload(again, leased, file)
    assert uploaded(again) == CONTENT


def test_a_file_of_many_pieces_arrives_whole_from_wherever_it_goes_on(desk, leased, tmp_path):
    content = random.Random(7).randbytes(2 * PIECE_BYTES + 12345)
    path, digest = tmp_path / "large", digest_bytes(content)
    path.write_bytes(content)
    target = f"/v1/tasks/{leased.task}/uploads/{digest.removeprefix('sha256:')}"
    target += f"?lease={leased.lease}"
    desk.send("POST", f"{target}&total={len(content)}")
    desk.send("PUT", f"{target}&offset=0", content[:777])
    desk.client().upload(leased.task, leased.lease, path, digest, until=desk.clock.now + 60)
    assert b"".join(desk.exchange.store.read(uploads_area("north"), digest)) == content


def test_an_upload_that_is_there_is_not_sent_again(desk, leased, file):
    client_upload(desk, leased, file)
    assert begin(desk, leased).json() == {"received": len(CONTENT), "complete": True}
    client_upload(desk, leased, file)
    assert uploaded(desk) == CONTENT


@pytest.mark.parametrize("offset", [0, 999, 1001, len(CONTENT), 2**49])
def test_a_piece_at_another_place_is_refused_and_told_where_to_go_on(desk, leased, offset):
    begin(desk, leased)
    put(desk, leased, CONTENT[:1000], 0)
    response = put(desk, leased, CONTENT[1000:1100], offset)
    assert problem_of(response) == "offset"
    assert response.json()["received"] == 1000


@pytest.mark.parametrize("seed", range(5))
def test_pieces_that_come_twice_or_out_of_order_do_no_harm(desk, leased, seed):
    order = random.Random(seed)
    begin(desk, leased)
    cuts = sorted({0, len(CONTENT), *order.sample(range(len(CONTENT)), 5)})
    pieces = [(start, CONTENT[start:end]) for start, end in pairwise(cuts)]
    while not begin(desk, leased).json()["complete"]:
        offset, piece = order.choice(pieces)
        put(desk, leased, piece, offset)
    assert uploaded(desk) == CONTENT


def test_a_piece_with_other_bytes_than_were_signed_leaves_nothing(desk, leased):
    begin(desk, leased)
    put(desk, leased, CONTENT[:1000], 0)
    response = put(desk, leased, CONTENT[1000:2000], 1000, sent_body=b"x" + CONTENT[1001:2000])
    assert problem_of(response) == "digest"
    assert begin(desk, leased).json()["received"] == 1000


def test_a_truncated_piece_leaves_nothing(desk, leased):
    begin(desk, leased)
    response = put(desk, leased, CONTENT[:1000], 0, sent_body=CONTENT[:500])
    assert problem_of(response) == "digest"
    assert begin(desk, leased).json()["received"] == 0


def test_an_upload_whose_bytes_are_not_its_name_starts_again(desk, leased, file):
    begin(desk, leased)
    wrong = bytes(len(CONTENT))
    assert problem_of(put(desk, leased, wrong, 0)) == "digest"
    assert not desk.exchange.store.exists(uploads_area("north"), DIGEST)
    client_upload(desk, leased, file)
    assert uploaded(desk) == CONTENT


def test_more_bytes_than_were_announced_are_refused(desk, leased):
    begin(desk, leased, total=1000)
    assert problem_of(put(desk, leased, CONTENT, 0)) == "too-large"
    assert begin(desk, leased, total=1000).json()["received"] == 0


def test_an_upload_announced_with_another_size_is_refused(desk, leased):
    begin(desk, leased)
    assert problem_of(begin(desk, leased, total=7)) == "digest"


def test_a_blob_or_a_site_has_a_largest_size(tmp_path):
    desk = Desk(tmp_path, limits=Limits(blob_bytes=5000, site_bytes=8000))
    desk.submit()
    leased = desk.lease()
    assert problem_of(begin(desk, leased, total=5001)) == "too-large"
    begin(desk, leased, total=5000)
    other = digest_bytes(b"another").removeprefix("sha256:")
    assert problem_of(begin(desk, leased, total=3001, blob=other)) == "quota"
    assert begin(desk, leased, total=3000, blob=other).status_code == 200


def test_space_comes_back_when_the_coordinator_has_taken_an_upload(tmp_path, file):
    desk = Desk(tmp_path, limits=Limits(site_bytes=len(CONTENT)))
    desk.submit()
    leased = desk.lease()
    client_upload(desk, leased, file)
    desk.exchange.uploads.release("north", DIGEST)
    assert begin(desk, leased).json() == {"received": 0, "complete": False}


def test_uploads_that_nobody_takes_are_removed_in_time(desk, leased, file):
    client_upload(desk, leased, file)
    assert desk.exchange.uploads.remove_unused() == 0
    desk.clock.now += 3600 * desk.limits.unused_hours + 1
    assert desk.exchange.uploads.remove_unused() == 1
    assert not desk.exchange.store.exists(uploads_area("north"), DIGEST)


def test_an_upload_needs_the_lease_of_its_task(desk, leased):
    begin(desk, leased)
    stolen = leased.model_copy(update={"lease": "0" * 32})
    assert problem_of(put(desk, stolen, CONTENT, 0)) == "no-lease"
    assert problem_of(begin(desk, stolen)) == "no-lease"


def test_a_task_does_not_end_with_a_blob_that_is_not_there(desk, leased, file):
    done = Done(lease=leased.lease, statements=make_answer().statements, blobs=(DIGEST,))
    with pytest.raises(TroubleError, match="not-found"):
        desk.client().done(leased.task, done, until=0)
    client_upload(desk, leased, file)
    desk.client().done(leased.task, done, until=0)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """A disk that is full after so many bytes of a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_at_the_exchange_is_told_and_the_upload_goes_on_when_there_is_room(
    desk, leased, tmp_path
):
    content = os.urandom(3 * 2**20)
    blob = digest_bytes(content).removeprefix("sha256:")
    target = f"/v1/tasks/{leased.task}/uploads/{blob}?lease={leased.lease}"
    desk.send("POST", f"{target}&total={len(content)}")
    with files_no_larger_than(2 * 2**20):
        response = desk.send("PUT", f"{target}&offset=0", content)
    assert problem_of(response) == "storage"
    path = tmp_path / "large"
    path.write_bytes(content)
    named = f"sha256:{blob}"
    desk.client().upload(leased.task, leased.lease, path, named, until=desk.clock.now + 60)
    assert b"".join(desk.exchange.store.read(uploads_area("north"), named)) == content


# --- down


@pytest.fixture
def offered(desk: Desk) -> Leased:
    desk.exchange.store.put(TASKS_AREA, DIGEST, [CONTENT])
    ref = BlobRef(digest=DIGEST, bytes=len(CONTENT))
    desk.exchange.queue.submit("north", make_task_envelope(), [ref], desk.clock.now + 600)
    return desk.lease()


def test_a_download_is_what_the_task_names(desk, offered, tmp_path):
    folder = BlobFolder(tmp_path / "transit")
    desk.client().fetch(offered.task, offered.blobs[0], folder, until=0)
    assert folder.find(DIGEST).read_bytes() == CONTENT


@pytest.mark.parametrize("have", [0, 1, 5000, len(CONTENT) - 1])
def test_a_download_goes_on_where_it_broke_off(desk, offered, tmp_path, have):
    folder = BlobFolder(tmp_path / "transit")
    folder.root.mkdir()
    (folder.root / f".fetch-{HEX}").write_bytes(CONTENT[:have])
    desk.client().fetch(offered.task, offered.blobs[0], folder, until=0)
    assert folder.find(DIGEST).read_bytes() == CONTENT


def test_a_download_with_other_bytes_is_not_kept(desk, offered, tmp_path):
    folder = BlobFolder(tmp_path / "transit")
    folder.root.mkdir()
    (folder.root / f".fetch-{HEX}").write_bytes(b"x" * 100)
    with pytest.raises(Exception, match="came with other bytes"):
        desk.client().fetch(offered.task, offered.blobs[0], folder, until=0)
    assert list(folder.root.iterdir()) == []


@pytest.mark.parametrize(
    "wanted", ["bytes=0-10", "bytes=-5", "bytes=99999999-", "lines=0-", "bytes=0-1,5-6", "x"]
)
def test_only_the_rest_of_a_blob_can_be_asked_for(desk, offered, wanted):
    target = f"/v1/tasks/{offered.task}/blobs/{HEX}"
    response = desk.send("GET", target, headers={"range": wanted})
    assert problem_of(response) == "request"


def test_a_blob_that_the_task_does_not_name_is_not_given(desk, offered):
    other = digest_bytes(b"secret")
    desk.exchange.store.put(TASKS_AREA, other, [b"secret"])
    target = f"/v1/tasks/{offered.task}/blobs/{other.removeprefix('sha256:')}"
    assert problem_of(desk.send("GET", target)) == "not-found"


def test_a_blob_that_is_gone_is_told(desk, offered):
    desk.exchange.store.remove(TASKS_AREA, DIGEST)
    assert problem_of(desk.send("GET", f"/v1/tasks/{offered.task}/blobs/{HEX}")) == "not-found"


def test_another_sites_blob_is_not_given(desk, offered, tmp_path):
    with pytest.raises(TroubleError, match="not-found"):
        folder = BlobFolder(tmp_path / "transit")
        desk.client("south").fetch(offered.task, offered.blobs[0], folder, until=0)
