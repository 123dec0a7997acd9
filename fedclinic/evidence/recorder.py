"""Write a federation's log: the coordinator states what it does, and takes in what sites sign.

Stating the same event again, after a crash or a resumed run, writes nothing: two statements are
the same if only their time differs, or the deadline of a task that was given a new one.
"""

from collections.abc import Iterable
from typing import Any

from fedclinic.digest import canonical_json, digest_bytes
from fedclinic.errors import EvidenceError
from fedclinic.evidence.bundle import FORMAT, Bundle
from fedclinic.evidence.checkpoint import sign_checkpoint
from fedclinic.evidence.events import COORDINATOR
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.kinds import kind_of
from fedclinic.evidence.log import LogFile
from fedclinic.evidence.rotation import ROTATED_KIND
from fedclinic.evidence.snapshot import RunSnapshot
from fedclinic.evidence.statement import (
    Envelope,
    parse_statement,
    sign,
    statement_content,
    statement_kind,
)
from fedclinic.records import Digest, Record

_TIMES = ("at", "deadline")


class Recorder:
    """Writes one log; a statement is durable when its call returns. Threads may share it."""

    def __init__(self, file: LogFile, key: SigningKey) -> None:
        self._file, self._key = file, key
        self._known: set[tuple[str, Digest]] = set()
        self._seen = 0
        self._superseded = False

    @property
    def entries(self) -> tuple[Envelope, ...]:
        return self._file.log.entries

    def state(self, *events: Record) -> None:
        """Sign events as the coordinator and append those that are new.

        Raises:
            EvidenceError: if the coordinator went on with another key meanwhile.
        """
        self._append(*(sign(event, kind_of(event), self._key) for event in events), own=True)

    def take_in(self, *envelopes: Envelope) -> None:
        """Append envelopes that others signed, or that were signed before, if they are new.

        Raises:
            SignatureError: if one is not a statement. Whose it is, a verifier checks.
        """
        self._append(*envelopes, own=False)

    def _append(self, *envelopes: Envelope, own: bool) -> None:
        fresh = {_identity(envelope): envelope for envelope in envelopes}
        with self._file.writing() as log:
            added = log.entries[self._seen :]
            self._known |= {_identity(envelope) for envelope in added}
            self._superseded |= any(self._replaces_key(envelope) for envelope in added)
            if own and self._superseded:
                raise EvidenceError("the coordinator's key was rotated: start the command again")
            new = [envelope for name, envelope in fresh.items() if name not in self._known]
            if new:
                self._file.append(new)
                self._known |= fresh.keys()
            self._seen = len(self._file.log.entries)

    def _replaces_key(self, envelope: Envelope) -> bool:
        """Whether the coordinator went on from the key that this recorder signs with."""
        if statement_kind(envelope) != ROTATED_KIND:
            return False
        predicate = parse_statement(statement_content(envelope))["predicate"]
        return (predicate["actor"], predicate["old_key_id"]) == (COORDINATOR, self._key.key_id)

    def checkpoint(self) -> str:
        """Sign what the log is now; hospitals cosign the text before it is published."""
        return sign_checkpoint(self._file.log.head(), COORDINATOR, self._key)

    def bundle(self, checkpoint: str, snapshots: Iterable[RunSnapshot]) -> Bundle:
        """Put together what an auditor gets; the checkpoint must be of the log as it is now."""
        return Bundle(
            format=FORMAT,
            origin=self._file.log.origin,
            checkpoint=checkpoint,
            entries=self._file.log.entries,
            snapshots=tuple(snapshots),
        )


def _identity(envelope: Envelope) -> tuple[str, Digest]:
    """A statement's kind and content, without its times."""
    statement: dict[str, Any] = parse_statement(statement_content(envelope))
    content = {name: value for name, value in statement["predicate"].items() if name not in _TIMES}
    return statement["predicateType"], digest_bytes(canonical_json(content))
