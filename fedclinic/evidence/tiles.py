"""A log as files of a fixed layout, so that it can move to any server of static files.

Source: C2SP tlog-tiles. A hash tile holds 256 nodes of one level; `.p/W` is one that has only W so
far. An entry bundle holds the same 256 entries, each behind its length in two bytes.
"""

from collections.abc import Sequence

from fedclinic.errors import EvidenceError
from fedclinic.evidence.log import SignedLog, encode_entry
from fedclinic.evidence.merkle import tree_root

TILE = 256
_MAX_ENTRY_BYTES = 0xFFFF


def tile_files(log: SignedLog) -> dict[str, bytes]:
    """Content of each tile and entry bundle of a log, by its path.

    Raises:
        EvidenceError: if an entry is longer than the layout can hold.
    """
    files: dict[str, bytes] = {}
    nodes, level = list(log.leaves), 0
    while nodes:
        for number, part in enumerate(_parts(nodes)):
            files[tile_path(str(level), number, len(part))] = b"".join(part)
        full = len(nodes) // TILE
        nodes = [tree_root(nodes[i * TILE : (i + 1) * TILE]) for i in range(full)]
        level += 1
    entries = [_with_length(encode_entry(envelope)) for envelope in log.entries]
    for number, bundled in enumerate(_parts(entries)):
        files[tile_path("entries", number, len(bundled))] = b"".join(bundled)
    return files


def tile_path(level: str, number: int, width: int) -> str:
    """Path of a tile: its number in groups of three digits, all but the last after an x."""
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03d}")
    partial = "" if width == TILE else f".p/{width}"
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def _parts(items: Sequence[bytes]) -> list[Sequence[bytes]]:
    return [items[start : start + TILE] for start in range(0, len(items), TILE)]


def _with_length(entry: bytes) -> bytes:
    if len(entry) > _MAX_ENTRY_BYTES:
        raise EvidenceError(f"log: an entry of {len(entry)} bytes does not fit a tile")
    return len(entry).to_bytes(2, "big") + entry
