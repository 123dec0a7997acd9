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

from pydantic import ValidationError

from fedclinic.deid.deidentify import Deidentification
from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.policy import DeidentificationCounts
from fedclinic.errors import DataError
from fedclinic.notes import DeidentifiedNote, Note, Span
from fedclinic.records import Digest
from site_agent.deid_measures import Measured
from site_agent.sealing import Seal
from site_agent.treatment import Refused, offsets_of, places_of

SCHEMA = """
CREATE TABLE IF NOT EXISTS note (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL, source TEXT NOT NULL, labels TEXT NOT NULL,
    treatment TEXT NOT NULL, reason TEXT, counts TEXT, content BLOB);
CREATE TABLE IF NOT EXISTS patient (id TEXT PRIMARY KEY, cohort TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seal (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS release (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, by TEXT NOT NULL, why TEXT NOT NULL);
"""
WAIT_SECONDS = 10
SHOWN = 12
"""Letters of a note's keyed hash by which people name it."""


@dataclass(frozen=True)
class StoreCounts:
    """What the store holds: private numbers, for the site's own eyes and its egress policy."""

    notes: int
    quarantined: int
    patients: int
    replaced: dict[str, int]
    """Identifiers replaced, by entity kind."""


@dataclass(frozen=True)
class StoredNote:
    """A de-identified note as people review it."""

    name: str
    """Start of its keyed hash, which identifies nobody outside the site's files."""
    note: DeidentifiedNote
    replaced: tuple[Span, ...] = field(repr=False)
    """Where replacements stand, in offsets of the new text."""


@dataclass(frozen=True)
class QuarantinedNote:
    """A note that may not be used, and why."""

    name: str
    position: int
    reason: str
    is_released: bool


class NoteStore:
    """De-identified notes of one site under one treatment at a time."""

    def __init__(self, database: sqlite3.Connection, key: bytes) -> None:
        self._database = database
        self._seal = Seal(key)

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
            database.executescript(SCHEMA)
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
        self._write(note, position, treatment, known, result.counts.model_dump_json(), stored)

    def quarantine(
        self, note: Note, refused: Refused, *, position: int, treatment: Digest, known: str = ""
    ) -> None:
        """Remember that a note may not be used, and why, without its text."""
        self._write(note, position, treatment, known, None, None)
        self._database.execute(
            "UPDATE note SET reason = ? WHERE id = ?", (refused.reason, self._id(note))
        )

    def drop_after(self, positions: int) -> None:
        """Remove notes that the source no longer has: those whose position was not renewed."""
        self._database.execute("DELETE FROM note WHERE position >= ? OR position < 0", (positions,))
        self._database.execute("DELETE FROM release WHERE id NOT IN (SELECT id FROM note)")

    def forget_positions(self) -> None:
        self._database.execute("UPDATE note SET position = -1")

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
            "SELECT id, content FROM note WHERE content IS NOT NULL AND position >= 0 "
            "ORDER BY position"
        )
        for name, content in rows:
            yield _stored_note(name[:SHOWN], json.loads(self._seal.open(content)))

    def quarantined(self) -> list[QuarantinedNote]:
        """Notes in quarantine, in the source's order."""
        rows = self._database.execute(
            "SELECT note.id, position, reason, release.id IS NOT NULL FROM note "
            "LEFT JOIN release ON release.id = note.id AND release.source = note.source "
            "WHERE reason IS NOT NULL ORDER BY position"
        )
        return [QuarantinedNote(row[0][:SHOWN], row[1], row[2], bool(row[3])) for row in rows]

    def release(self, name: str, *, by: str, why: str) -> None:
        """Let a quarantined note be treated once more without the doubts that a person can judge.

        Raises:
            DataError: if no note in quarantine, or more than one, has a name that begins so.
        """
        rows = self._database.execute(
            "SELECT id, source FROM note WHERE reason IS NOT NULL AND substr(id, 1, ?) = ?",
            (len(name), name),
        ).fetchall()
        if not name or len(rows) != 1:
            many = "more than one note" if name and rows else "no note"
            raise DataError(f"{many} in quarantine is named {name}; see deid review list")
        ((note, source),) = rows
        self._database.execute(
            "INSERT OR REPLACE INTO release VALUES (?, ?, ?, ?)", (note, source, by, why)
        )
        self._database.execute("UPDATE note SET treatment = '' WHERE id = ?", (note,))

    def is_released(self, note: Note, known: str = "") -> bool:
        """Whether a person released this very text."""
        row = self._database.execute(
            "SELECT source FROM release WHERE id = ?", (self._id(note),)
        ).fetchone()
        return bool(row == (self._source(note, known),))

    def block(self, name: str, reason: str) -> None:
        """Put a stored note into quarantine and forget its text."""
        self._database.execute(
            "UPDATE note SET reason = ?, content = NULL, counts = NULL "
            "WHERE substr(id, 1, ?) = ? AND reason IS NULL",
            (reason, len(name), name),
        )

    def fingerprint(self) -> str:
        """Digest of which notes, texts, labels and treatments the store holds, in order."""
        state = hashlib.sha256()
        query = (
            "SELECT id, source, labels, treatment FROM note "
            "WHERE content IS NOT NULL AND position >= 0 ORDER BY position"
        )
        for row in self._database.execute(query):
            state.update("\0".join(row).encode())
        return state.hexdigest()

    def digest_for(self, run: str, round_number: int) -> Digest:
        """Name the notes so that only the owner of the store's key can name them too.

        It differs from round to round, so that nobody learns even whether the notes changed.
        """
        return f"sha256:{self._seal.hash('used', f'{run} {round_number} {self.fingerprint()}')}"

    def counts(self) -> StoreCounts:
        replaced: dict[str, int] = {}
        notes = quarantined = 0
        for counts in self._all_counts():
            notes += counts is not None
            quarantined += counts is None
            for kind, count in (counts.replaced if counts else {}).items():
                name = EntityKind(kind).name
                replaced[name] = replaced.get(name, 0) + count
        (patients,) = self._database.execute("SELECT count(*) FROM patient").fetchone()
        return StoreCounts(notes, quarantined, patients, replaced)

    def note_counts(self) -> list[DeidentificationCounts]:
        """The counts of every note that may be used."""
        return [counts for counts in self._all_counts() if counts is not None]

    def keep_measured(self, measured: Measured) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO seal VALUES ('measured', ?)", (measured.model_dump_json(),)
        )

    def measured(self) -> Measured | None:
        """What the last canaries showed; None if none were ever planted."""
        row = self._database.execute("SELECT value FROM seal WHERE name = 'measured'").fetchone()
        try:
            return None if row is None else Measured.model_validate_json(row[0])
        except ValidationError:
            return None

    def _all_counts(self) -> Iterator[DeidentificationCounts | None]:
        for (counts,) in self._database.execute("SELECT counts FROM note"):
            yield None if counts is None else DeidentificationCounts.model_validate_json(counts)

    def _write(
        self,
        note: Note,
        position: int,
        treatment: Digest,
        known: str,
        counts: str | None,
        stored: dict[str, Any] | None,
    ) -> None:
        content = None if stored is None else self._seal.close(json.dumps(stored).encode())
        self._database.execute(
            "INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?, ?, NULL, ?, ?)",
            (
                self._id(note),
                position,
                self._source(note, known),
                self._labels(note),
                treatment,
                counts,
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
