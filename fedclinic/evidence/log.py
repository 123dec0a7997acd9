"""An append-only log of signed statements: a Merkle tree in memory, one JSON line an entry on disk.

A line is the canonical JSON of an envelope; the leaf is the hash of the line without its end. The
log orders and seals statements; what they say is the business of whoever opens them.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from fedclinic.digest import canonical_json
from fedclinic.errors import EvidenceError
from fedclinic.evidence.checkpoint import TreeHead
from fedclinic.evidence.merkle import consistency_proof, hash_leaf, inclusion_proof, tree_root
from fedclinic.evidence.statement import Envelope


@dataclass(frozen=True)
class SignedLog:
    """A log as a value: appending returns a longer one."""

    origin: str
    entries: tuple[Envelope, ...] = ()
    leaves: tuple[bytes, ...] = field(default=(), repr=False)

    def append(self, *envelopes: Envelope) -> "SignedLog":
        """Return this log with more entries at its end."""
        leaves = tuple(hash_leaf(encode_entry(envelope)) for envelope in envelopes)
        return SignedLog(self.origin, self.entries + envelopes, self.leaves + leaves)

    def head(self, size: int | None = None) -> TreeHead:
        """What a checkpoint of this log says, or said when it had `size` entries."""
        leaves = self.leaves[:size]
        return TreeHead(self.origin, len(leaves), tree_root(leaves))

    def prove_inclusion(self, index: int) -> list[bytes]:
        return inclusion_proof(index, self.leaves)

    def prove_consistency(self, old_size: int) -> list[bytes]:
        return consistency_proof(old_size, self.leaves)


def encode_entry(envelope: Envelope) -> bytes:
    """The bytes of an entry: what its leaf hashes and its line holds."""
    return canonical_json(envelope.model_dump(mode="json"))


def decode_entry(line: bytes, index: int) -> Envelope:
    """Read one entry.

    Raises:
        EvidenceError: names the entry, if it is not the canonical JSON of an envelope.
    """
    try:
        envelope = Envelope.model_validate(json.loads(line))
    except (ValueError, RecursionError, ValidationError):
        raise EvidenceError(f"log entry {index}: not an envelope") from None
    if encode_entry(envelope) != line:
        raise EvidenceError(f"log entry {index}: not canonical JSON")
    return envelope


def encode_log(log: SignedLog) -> bytes:
    return b"".join(encode_entry(envelope) + b"\n" for envelope in log.entries)


def decode_log(content: bytes, origin: str) -> SignedLog:
    """Read a log's file.

    Raises:
        EvidenceError: names the first entry that is not one; also if the last line is cut off.
    """
    if content and not content.endswith(b"\n"):
        raise EvidenceError("log: its last line is cut off")
    lines = content.split(b"\n")[:-1]
    return SignedLog(origin).append(
        *(decode_entry(line, index) for index, line in enumerate(lines))
    )


class LogFile:
    """A log on a local disk; an entry is durable when `append` returns.

    Several processes may write it in turn: each writes behind a lock, after it has read what the
    others wrote.
    """

    def __init__(self, path: Path, origin: str) -> None:
        """Open or start a log.

        Raises:
            EvidenceError: if a whole line is not an entry.
        """
        self.path = path
        self.log = SignedLog(origin)
        self._read = 0
        with self.writing():
            pass

    def append(self, envelopes: Iterable[Envelope]) -> SignedLog:
        """Write entries durably and return the longer log; call it inside `writing`."""
        added = tuple(envelopes)
        lines = b"".join(encode_entry(envelope) + b"\n" for envelope in added)
        with self.path.open("ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        self.log = self.log.append(*added)
        self._read += len(lines)
        return self.log

    @contextmanager
    def writing(self) -> Iterator[SignedLog]:
        """Be the only writer while the block runs, with everything that others wrote read in.

        A last line without its end was never acknowledged to anyone (the process died while it
        wrote) and is cut off; any other damage is refused.

        Raises:
            EvidenceError: if a whole line is not an entry.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._catch_up()
            yield self.log

    def _catch_up(self) -> None:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        first = len(self.log.entries)
        lines = whole.split(b"\n")[:-1]
        found = [decode_entry(line, first + index) for index, line in enumerate(lines)]
        if len(whole) < len(content):
            with self.path.open("r+b") as file:
                file.truncate(self._read + len(whole))
                os.fsync(file.fileno())
        self.log = self.log.append(*found)
        self._read += len(whole)
