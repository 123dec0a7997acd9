"""Tiles: every leaf and entry is there once, and the roots of full tiles are the level above."""

import pytest

from fedclinic.evidence.log import SignedLog, encode_entry
from fedclinic.evidence.merkle import tree_root
from fedclinic.evidence.statement import Envelope, Signature
from fedclinic.evidence.tiles import tile_files, tile_path


def make_log(size: int) -> SignedLog:
    signature = (Signature(keyid="0" * 32, sig=""),)
    return SignedLog("example/log").append(
        *(
            Envelope(
                payloadType="application/vnd.in-toto+json",
                payload=f"{number:08d}",
                signatures=signature,
            )
            for number in range(size)
        )
    )


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 600])
def test_the_lowest_tiles_hold_every_leaf_in_order(size):
    log, files = make_log(size), tile_files(make_log(size))
    hashes = b"".join(files[path] for path in sorted(files) if path.startswith("tile/0/"))
    assert hashes == b"".join(log.leaves)


def test_a_higher_tile_holds_the_roots_of_full_tiles():
    log = make_log(600)
    files = tile_files(log)
    assert files["tile/1/000.p/2"] == tree_root(log.leaves[:256]) + tree_root(log.leaves[256:512])


def test_an_entry_bundle_gives_every_entry_back():
    log = make_log(300)
    content, entries = tile_files(log)["tile/entries/001.p/44"], []
    while content:
        length = int.from_bytes(content[:2], "big")
        entries.append(content[2 : 2 + length])
        content = content[2 + length :]
    assert entries == [encode_entry(envelope) for envelope in log.entries[256:]]


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [
        (0, 256, "tile/0/000"),
        (999, 256, "tile/0/999"),
        (1_000, 256, "tile/0/x001/000"),
        (1_234_067, 256, "tile/0/x001/x234/067"),
        (5, 17, "tile/0/005.p/17"),
    ],
)
def test_a_tile_is_where_the_standard_says(number, width, path):
    assert tile_path("0", number, width) == path
