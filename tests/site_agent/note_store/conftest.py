"""An empty store, its file, and six notes to put into it."""

from pathlib import Path

import pytest

from site_agent.note_store import NoteStore
from tests.site_agent.note_store.stores import KEY, write_rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "notes.sqlite"


@pytest.fixture
def store(path: Path) -> NoteStore:
    return NoteStore.open(path, KEY)


@pytest.fixture
def notes_file(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "notes.jsonl", range(6))
