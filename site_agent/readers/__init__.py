"""Read a site's notes from the files that it has; each format turns a file into rows."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from fedclinic.errors import DataError
from fedclinic.notes import Note
from fedclinic.plan import Task
from site_agent.readers import csv_file, jsonl, parquet
from site_agent.readers.rows import Row, note_of
from site_agent.settings import NoteSource, Share

RowReader = Callable[[Path], Iterator[Row]]

FORMATS: dict[str, RowReader] = {
    "jsonl": jsonl.read_rows,
    "csv": csv_file.read_rows,
    "parquet": parquet.read_rows,
}


def read_notes(source: NoteSource, task: Task | None) -> Iterator[Note]:
    """Yield the site's notes in file order, each checked against the task; without one, unlabelled.

    A folder is read as all its files of the format, in order of name.

    Raises:
        DataError: naming file and row, if the file is missing or damaged, a note identifier
            occurs twice, a label is not in the plan, or no row belongs to the site.
    """
    path = Path(source.path)
    seen: set[str] = set()
    for row in _rows(path, source):
        if not _belongs(row, source):
            continue
        note = note_of(row, source, task)
        if note is None:
            continue
        if note.note_id in seen:
            raise DataError(f"{row.where}: note identifier occurs a second time; make them unique")
        seen.add(note.note_id)
        yield note
    if not seen:
        raise DataError(f"{path}: no note belongs to this site; check notes.where in site.yaml")


def _rows(path: Path, source: NoteSource) -> Iterator[Row]:
    files = sorted(path.glob(f"*.{source.format}")) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise DataError(f"no notes at {path}: check notes.path in site.yaml")
    for file in files:
        yield from FORMATS[source.format](file)


def _belongs(row: Row, source: NoteSource) -> bool:
    for column, wanted in source.where.items():
        allowed = [wanted] if isinstance(wanted, str) else wanted
        if str(row.values.get(column)) not in allowed:
            return False
    return source.share is None or _part_of(row, source.share) == source.share.index


def _part_of(row: Row, share: Share) -> int:
    value = row.values.get(share.by)
    if value is None:
        raise DataError(f"{row.where}: field '{share.by}' is missing, and notes.share needs it")
    return int.from_bytes(hashlib.sha256(str(value).encode()).digest()[:8], "big") % share.parts
