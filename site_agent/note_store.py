"""The site's store of de-identified notes: one SQLite file, every note encrypted at rest.

Original text is never written. A note is de-identified again only when its text or the policy
changes. Patient and note identifiers are kept as keyed hashes beside the encrypted notes.
"""

import hashlib
import hmac
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fedclinic.errors import DataError
from fedclinic.notes import DeidentifiedNote, Note, Span
from fedclinic.records import Digest

SCHEMA = """
CREATE TABLE IF NOT EXISTS note (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL, source TEXT NOT NULL, policy TEXT NOT NULL,
    reason TEXT, replaced TEXT NOT NULL, content BLOB);
CREATE TABLE IF NOT EXISTS patient (id TEXT PRIMARY KEY, cohort TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seal (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
NONCE_BYTES = 12


@dataclass(frozen=True)
class StoreCounts:
    """What the store holds: private numbers, for the site's own eyes and its egress policy."""

    notes: int
    quarantined: int
    patients: int
    replaced: dict[str, int]
    """Identifiers replaced, by entity kind."""


class NoteStore:
    """De-identified notes of one site under one policy at a time."""

    def __init__(self, database: sqlite3.Connection, key: bytes) -> None:
        self._database = database
        self._key = key
        self._cipher = AESGCM(key)

    @classmethod
    def open(cls, path: Path, key: bytes) -> Self:
        """Open or create the store.

        Raises:
            DataError: if the file is no store, or was written with another key.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(path, isolation_level=None)
        try:
            database.executescript(SCHEMA)
            store = cls(database, key)
            store._check_key(path)
        except DataError:
            database.close()
            raise
        except sqlite3.DatabaseError:
            database.close()
            raise DataError(f"{path} is not a note store; move it away to start anew") from None
        return store

    def close(self) -> None:
        self._database.close()

    def begin(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        if self._database.in_transaction:
            self._database.execute("COMMIT")

    def roll_back(self) -> None:
        """Forget what was written since `begin`."""
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")

    def is_current(self, note: Note, policy: Digest) -> bool:
        """Whether this very text was already treated under this policy."""
        row = self._database.execute(
            "SELECT source, policy FROM note WHERE id = ?", (self._hash("note", note.note_id),)
        ).fetchone()
        return bool(row == (self._hash("text", _source_of(note)), policy))

    def keep_position(self, note: Note, position: int) -> None:
        """Record where a current note stands in the source, so that vanished notes can go."""
        self._database.execute(
            "UPDATE note SET position = ? WHERE id = ?",
            (position, self._hash("note", note.note_id)),
        )

    def put(
        self,
        note: Note,
        treated: DeidentifiedNote,
        *,
        position: int,
        policy: Digest,
        replaced: dict[str, int],
    ) -> None:
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, json.dumps(asdict(treated)).encode(), None)
        self._write(note, position, policy, None, replaced, nonce + sealed)

    def quarantine(self, note: Note, *, position: int, policy: Digest, reason: str) -> None:
        """Remember that a note may not be used, and why, without its text."""
        self._write(note, position, policy, reason, {}, None)

    def drop_after(self, positions: int) -> None:
        """Remove notes that the source no longer has: those whose position was not renewed."""
        self._database.execute("DELETE FROM note WHERE position >= ? OR position < 0", (positions,))

    def forget_positions(self) -> None:
        self._database.execute("UPDATE note SET position = -1")

    def see_patient(self, patient: str, cohort: str) -> None:
        """Put a patient into the cohort of the first time the site saw them; later calls change
        nothing, because a patient belongs to exactly one budget."""
        self._database.execute(
            "INSERT OR IGNORE INTO patient VALUES (?, ?)", (self._hash("patient", patient), cohort)
        )

    def cohorts(self) -> list[str]:
        rows = self._database.execute("SELECT DISTINCT cohort FROM patient ORDER BY cohort")
        return [cohort for (cohort,) in rows]

    def notes(self) -> Iterator[DeidentifiedNote]:
        """Yield the notes that may be used, in the source's order.

        Raises:
            DataError: if a stored note was altered.
        """
        rows = self._database.execute(
            "SELECT content FROM note WHERE content IS NOT NULL AND position >= 0 ORDER BY position"
        )
        for (content,) in rows:
            yield _note_from(self._open_sealed(content))

    def fingerprint(self) -> str:
        """Digest of which notes, texts and policies the store holds, in order."""
        state = hashlib.sha256()
        query = (
            "SELECT id, source, policy FROM note "
            "WHERE content IS NOT NULL AND position >= 0 ORDER BY position"
        )
        for row in self._database.execute(query):
            state.update("\0".join(row).encode())
        return state.hexdigest()

    def counts(self) -> StoreCounts:
        replaced: dict[str, int] = {}
        notes = quarantined = 0
        for reason, kinds in self._database.execute("SELECT reason, replaced FROM note"):
            notes += reason is None
            quarantined += reason is not None
            for kind, count in json.loads(kinds).items():
                replaced[kind] = replaced.get(kind, 0) + count
        (patients,) = self._database.execute("SELECT count(*) FROM patient").fetchone()
        return StoreCounts(notes, quarantined, patients, replaced)

    def _write(
        self,
        note: Note,
        position: int,
        policy: Digest,
        reason: str | None,
        replaced: dict[str, int],
        content: bytes | None,
    ) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                self._hash("note", note.note_id),
                position,
                self._hash("text", _source_of(note)),
                policy,
                reason,
                json.dumps(replaced, sort_keys=True),
                content,
            ),
        )

    def _hash(self, kind: str, value: str) -> str:
        return hmac.new(self._key, f"{kind}\0{value}".encode(), hashlib.sha256).hexdigest()

    def _check_key(self, path: Path) -> None:
        mark = self._hash("seal", "store")
        self._database.execute("INSERT OR IGNORE INTO seal VALUES ('key', ?)", (mark,))
        row = self._database.execute("SELECT value FROM seal WHERE name = 'key'").fetchone()
        if row != (mark,):
            raise DataError(f"{path} was written with another key; restore keys/store.key")

    def _open_sealed(self, content: bytes) -> bytes:
        try:
            return self._cipher.decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], None)
        except InvalidTag:
            raise DataError("a stored note was altered; run prepare again") from None


def _source_of(note: Note) -> str:
    labels = json.dumps([note.labels, [asdict(entity) for entity in note.entities]])
    return f"{note.patient}\0{labels}\0{note.text}"


def _note_from(content: bytes) -> DeidentifiedNote:
    values = json.loads(content)
    return DeidentifiedNote(
        note_id=values["note_id"],
        patient=values["patient"],
        text=values["text"],
        labels=tuple(values["labels"]),
        entities=tuple(Span(**entity) for entity in values["entities"]),
    )
