"""Blobs in a shared folder: whole, named by their content, fetched where a statement names them."""

from pathlib import Path

import pytest

from fedclinic.errors import DataError
from fedclinic.evidence.statement import sign
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.shared_folder import SharedFolder, digests_in
from tests.factories import make_signing_key

ABSENT = f"sha256:{'0' * 64}"


@pytest.fixture
def shared(tmp_path: Path) -> SharedFolder:
    return SharedFolder(f"file://{tmp_path}/shared")


def folder(tmp_path: Path, name: str, *contents: bytes) -> tuple[BlobFolder, list[str]]:
    blobs = BlobFolder(tmp_path / name)
    return blobs, [blobs.put([content])[0] for content in contents]


def test_a_blob_that_one_side_offers_reaches_the_other(tmp_path, shared):
    ours, (digest,) = folder(tmp_path, "ours", b"update")
    shared.offer(digest, ours)
    theirs = BlobFolder(tmp_path / "theirs")
    shared.fetch(digest, theirs)
    assert theirs.find(digest).read_bytes() == b"update"


def test_offering_twice_changes_nothing(tmp_path, shared):
    ours, (digest,) = folder(tmp_path, "ours", b"update")
    shared.offer(digest, ours)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "shared").iterdir()}
    shared.offer(digest, ours)
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "shared").iterdir()} == before


def test_only_what_a_statement_names_travels(tmp_path, shared):
    ours, (wanted, other) = folder(tmp_path, "ours", b"wanted", b"other")
    named = {"update": {"blob": wanted}, "state": None, "plan_digest": ABSENT, "sites": [ABSENT]}
    statement = sign(named, "site-report", make_signing_key(2))
    assert set(digests_in(statement)) == {wanted, ABSENT}
    shared.offer_named(statement, ours)
    theirs = BlobFolder(tmp_path / "theirs")
    shared.fetch_named(statement, theirs)
    assert theirs.find(wanted).read_bytes() == b"wanted"
    assert not shared.has(other)


def test_a_blob_with_other_content_than_its_name_is_refused_and_not_kept(tmp_path, shared):
    ours, (digest,) = folder(tmp_path, "ours", b"update")
    shared.offer(digest, ours)
    (tmp_path / "shared" / digest.removeprefix("sha256:")).write_bytes(b"tampered")
    theirs = BlobFolder(tmp_path / "theirs")
    with pytest.raises(DataError, match="other content than its name"):
        shared.fetch(digest, theirs)
    assert list(theirs.root.iterdir()) == []


def test_a_blob_that_is_not_there_is_told_in_one_line(tmp_path, shared):
    with pytest.raises(DataError, match=r"blob folder file://.*: No such file"):
        shared.fetch(ABSENT, BlobFolder(tmp_path / "theirs"))


def test_an_address_that_nothing_understands_is_refused():
    with pytest.raises(DataError, match="blob folder carrier-pigeon://x: Protocol not known"):
        SharedFolder("carrier-pigeon://x")
