"""Files of notes in every format, and what a reader says of them."""

import csv
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from fedclinic.errors import DataError
from fedclinic.notes import Note
from fedclinic.plan import Task
from site_agent.readers import read_notes
from site_agent.readers.rows import Row, note_of
from site_agent.settings import NoteSource
from tests.factories import make_learning_task, make_token_task, write_jsonl

SECRET = "Zebulon Quackenbush"


def note_from_tokens(tokens: Any, tags: Any) -> Note | None:
    row = Row("notes.jsonl:1", {"id": "a", "patient_id": "p", "tokens": tokens, "tags": tags})
    return note_of(row, source_of(Path("notes.jsonl"), fields=TOKEN_FIELDS), make_token_task())


def source_of(path: Path, **changes: Any) -> NoteSource:
    values = {"path": str(path), "format": path.suffix[1:], "fields": {"label": "label"}}
    return NoteSource.model_validate(values | changes)


def read(path: Path, task: Task | None = None, **changes: Any) -> list[Note]:
    return list(read_notes(source_of(path, **changes), task or make_learning_task()))


def complaint(path: Path, task: Task | None = None, **changes: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(path, task, **changes)
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message
    assert str(path) in message
    return message


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


WRITERS = {"jsonl": write_jsonl, "csv": write_csv, "parquet": write_parquet}


TOKEN_FIELDS = {"tokens": "tokens", "tags": "tags", "text": None}
