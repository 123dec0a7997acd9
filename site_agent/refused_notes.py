"""The notes of a store that may not be used: listed, released by a person, blocked by an audit.

No text is kept of any of them; a release is kept with who gave it and why.
"""

import sqlite3
from dataclasses import dataclass

from fedclinic.errors import DataError

SCHEMA = """
CREATE TABLE IF NOT EXISTS release (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, by TEXT NOT NULL, why TEXT NOT NULL);
"""
SHOWN = 12
"""Letters of a note's keyed hash by which people name it."""


@dataclass(frozen=True)
class QuarantinedNote:
    """A note that may not be used, and why."""

    name: str
    position: int
    reason: str
    is_released: bool


class RefusedNotes:
    """The quarantine of one store; it shares the store's database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def listed(self) -> list[QuarantinedNote]:
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

    def is_released(self, note: str, source: str) -> bool:
        """Whether a person released the note of this keyed hash with this very text."""
        row = self._database.execute("SELECT source FROM release WHERE id = ?", (note,)).fetchone()
        return bool(row == (source,))

    def block(self, name: str, reason: str) -> None:
        """Put a stored note into quarantine and forget its text."""
        self._database.execute(
            "UPDATE note SET reason = ?, content = NULL, counts = NULL "
            "WHERE substr(id, 1, ?) = ? AND reason IS NULL",
            (reason, len(name), name),
        )

    def forget_vanished(self) -> None:
        """Drop the releases of notes that the store no longer has."""
        self._database.execute("DELETE FROM release WHERE id NOT IN (SELECT id FROM note)")
