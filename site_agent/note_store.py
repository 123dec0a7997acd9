"""The site's store of de-identified notes: one SQLite file, every note encrypted at rest.

Original text is never written. A note is de-identified again only when its text, what is known of
its patient, or the treatment changes; with each goes the map of offsets from the original, so that
new labels find their places. Patient and note identifiers are kept as keyed hashes.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from fedclinic.deid.deidentify import Deidentification
from fedclinic.errors import DataError
from fedclinic.notes import DeidentifiedNote, Note, Span
from fedclinic.records import Digest
from site_agent import refused_notes
from site_agent.refused_notes import SHOWN, RefusedNotes
from site_agent.sealing import Seal
from site_agent.store_measures import StoreMeasures
from site_agent.treatment import Refused, offsets_of, places_of

SCHEMA = """
CREATE TABLE IF NOT EXISTS note (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL, source TEXT NOT NULL, labels TEXT NOT NULL,
    treatment TEXT NOT NULL, reason TEXT, counts TEXT, content BLOB);
CREATE TABLE IF NOT EXISTS patient (id TEXT PRIMARY KEY, cohort TEXT NOT NULL);
CREATE TEMP TABLE seen (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS seal (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
WAIT_SECONDS = 10


@dataclass(frozen=True)
class StoredNote:
    """A de-identified note as people review it."""

    name: str
    """Start of its keyed hash, which identifies nobody outside the site's files."""
    note: DeidentifiedNote
    replaced: tuple[Span, ...] = field(repr=False)
    """Where replacements stand, in offsets of the new text."""


@dataclass(frozen=True)
class _Kept:
    """What is kept of one note: why it is refused, or the note and its counts."""

    reason: str | None = None
    counts: str | None = None
    stored: dict[str, Any] | None = field(default=None, repr=False)


class NoteStore:
    """De-identified notes of one site under one treatment at a time."""

    def __init__(self, database: sqlite3.Connection, key: bytes) -> None:
        self._database = database
        self._seal = Seal(key)
        self.refused = RefusedNotes(database)
        self.measures = StoreMeasures(database)

    @classmethod
    def open(cls, path: Path, key: bytes) -> Self:
        """Open or create the store.

        Raises:
            DataError: if the file is no store, or was written with another key.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(path, isolation_level=None, timeout=WAIT_SECONDS)
        try:
            _drop_older_notes(database)
            database.executescript(SCHEMA + refused_notes.SCHEMA)
            store = cls(database, key)
            store._check_key(path)
        except DataError:
            database.close()
            raise
        except sqlite3.OperationalError as error:
            database.close()
            raise DataError(f"{path} cannot be opened: {error}") from None
        except sqlite3.DatabaseError:
            database.close()
            raise DataError(f"{path} is not a note store; move it away to start anew") from None
        return store

    def close(self) -> None:
        self._database.close()

    def begin(self) -> None:
        """Raises:
        DataError: if another process writes to the store.
        """
        try:
            self._database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            raise DataError("another process is de-identifying this site's notes: wait") from None

    def commit(self) -> None:
        if self._database.in_transaction:
            self._database.execute("COMMIT")

    def roll_back(self) -> None:
        """Forget what was written since `begin`."""
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")

    def is_current(self, note: Note, treatment: Digest, known: str = "") -> bool:
        """Whether this very text was already treated so, with the same known values."""
        row = self._database.execute(
            "SELECT source, treatment FROM note WHERE id = ?", (self._id(note),)
        ).fetchone()
        return bool(row == (self._source(note, known), treatment))

    def keep(self, note: Note, position: int, *, labelled: bool) -> None:
        """Record where a current note stands in the source, so that vanished notes can go.

        Where its labels changed, they move through the stored map of offsets; `labelled` says
        whether the source was read with labels at all.
        """
        self._see(note)
        row = self._database.execute(
            "SELECT labels, content FROM note WHERE id = ?", (self._id(note),)
        ).fetchone()
        labels, content = row
        if labelled and content is not None and labels != self._labels(note):
            stored = json.loads(self._seal.open(content))
            offsets = offsets_of(stored["offsets"])
            moved = [asdict(offsets.move(entity)) for entity in note.entities]
            told = {"labels": list(note.labels), "entities": moved, "group": note.group}
            stored["note"] |= told
            content, labels = self._seal.close(json.dumps(stored).encode()), self._labels(note)
        self._database.execute(
            "UPDATE note SET position = ?, labels = ?, content = ? WHERE id = ?",
            (position, labels, content, self._id(note)),
        )

    def put(
        self,
        note: Note,
        result: Deidentification,
        *,
        position: int,
        treatment: Digest,
        known: str = "",
    ) -> None:
        stored = {
            "note": asdict(result.note),
            "offsets": places_of(result.offsets),
            "kinds": [span.label for span in result.spans],
        }
        kept = _Kept(counts=result.counts.model_dump_json(), stored=stored)
        self._write(note, position, treatment, known, kept)

    def quarantine(
        self, note: Note, refused: Refused, *, position: int, treatment: Digest, known: str = ""
    ) -> None:
        """Remember that a note may not be used, and why, without its text."""
        self._write(note, position, treatment, known, _Kept(reason=refused.reason))

    def begin_pass(self) -> None:
        """Begin to see the source's notes; those of the last pass stay until the pass ends."""
        self._database.execute("DELETE FROM seen")

    def end_pass(self) -> None:
        """Remove notes that the source no longer has: those that the pass did not see."""
        self._database.execute("DELETE FROM note WHERE id NOT IN (SELECT id FROM seen)")
        self.refused.forget_vanished()

    def _see(self, note: Note) -> None:
        self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (self._id(note),))

    def see_patient(self, patient: str, cohort: str) -> None:
        """Put a patient into the cohort of the first time the site saw them; later calls change
        nothing, because a patient belongs to exactly one budget."""
        self._database.execute(
            "INSERT OR IGNORE INTO patient VALUES (?, ?)",
            (self._seal.hash("patient", patient), cohort),
        )

    def cohorts(self) -> list[str]:
        rows = self._database.execute("SELECT DISTINCT cohort FROM patient ORDER BY cohort")
        return [cohort for (cohort,) in rows]

    def notes(self) -> Iterator[DeidentifiedNote]:
        """Yield the notes that may be used, in the source's order.

        Raises:
            DataError: if a stored note was altered.
        """
        return (stored.note for stored in self.stored())

    def stored(self) -> Iterator[StoredNote]:
        """Yield the notes that may be used with the places of their replacements.

        Raises:
            DataError: if a stored note was altered.
        """
        rows = self._database.execute(
            "SELECT id, content FROM note WHERE content IS NOT NULL ORDER BY position"
        )
        for name, content in rows:
            yield _stored_note(name[:SHOWN], json.loads(self._seal.open(content)))

    def is_released(self, note: Note, known: str = "") -> bool:
        """Whether a person released this very text."""
        return self.refused.is_released(self._id(note), self._source(note, known))

    def fingerprint(self) -> str:
        """Digest of which notes, texts, labels and treatments the store holds, in order."""
        state = hashlib.sha256()
        query = (
            "SELECT id, source, labels, treatment FROM note "
            "WHERE content IS NOT NULL ORDER BY position"
        )
        for row in self._database.execute(query):
            state.update("\0".join(row).encode())
        return state.hexdigest()

    def digest_for(self, run: str, round_number: int) -> Digest:
        """Name the notes so that only the owner of the store's key can name them too.

        It differs from round to round, so that nobody learns even whether the notes changed.
        """
        return f"sha256:{self._seal.hash('used', f'{run} {round_number} {self.fingerprint()}')}"

    def _write(
        self,
        note: Note,
        position: int,
        treatment: Digest,
        known: str,
        kept: _Kept,
    ) -> None:
        """Write all of a note in one statement, so that an interruption leaves no half of it."""
        self._see(note)
        stored = kept.stored
        content = None if stored is None else self._seal.close(json.dumps(stored).encode())
        self._database.execute(
            "INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._id(note),
                position,
                self._source(note, known),
                self._labels(note),
                treatment,
                kept.reason,
                kept.counts,
                content,
            ),
        )

    def _id(self, note: Note) -> str:
        return self._seal.hash("note", note.note_id)

    def _source(self, note: Note, known: str) -> str:
        return self._seal.hash("text", f"{note.patient}\0{known}\0{note.text}")

    def _labels(self, note: Note) -> str:
        told = [note.labels, [asdict(entity) for entity in note.entities]]
        labels = json.dumps([*told, note.group] if note.group else told)
        return self._seal.hash("labels", labels)

    def _check_key(self, path: Path) -> None:
        mark = self._seal.hash("seal", "store")
        self._database.execute("INSERT OR IGNORE INTO seal VALUES ('key', ?)", (mark,))
        row = self._database.execute("SELECT value FROM seal WHERE name = 'key'").fetchone()
        if row != (mark,):
            raise DataError(f"{path} was written with another key; restore keys/store.key")


def _drop_older_notes(database: sqlite3.Connection) -> None:
    """Notes of a store without offset maps are dropped, so that they are treated again."""
    columns = {row[1] for row in database.execute("PRAGMA table_info(note)")}
    if columns and "treatment" not in columns:
        database.execute("DROP TABLE note")


def _stored_note(name: str, stored: dict[str, Any]) -> StoredNote:
    values = stored["note"]
    note = DeidentifiedNote(
        note_id=values["note_id"],
        patient=values["patient"],
        text=values["text"],
        labels=tuple(values["labels"]),
        entities=tuple(Span(**entity) for entity in values["entities"]),
        group=values.get("group", ""),
    )
    replaced = tuple(
        Span(new_start, new_end, kind)
        for (_, _, new_start, new_end), kind in zip(stored["offsets"], stored["kinds"], strict=True)
    )
    return StoredNote(name, note, replaced)
