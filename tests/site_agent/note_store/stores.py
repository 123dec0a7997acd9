"""A store's key, and notes that are written, read and treated as a site's preparation does it."""

from pathlib import Path
from typing import Any

from site_agent.note_store import NoteStore
from site_agent.prepare import update_store
from site_agent.settings import SiteConfig
from site_agent.store_measures import StoreCounts
from tests.factories import make_learning_task, note_row, site_values, write_jsonl
from tests.fakes import FakeDetector, FakeProgress, make_treatment

KEY = b"k" * 32
TASK = make_learning_task()


def write_rows(path: Path, numbers: Any, **changes: Any) -> Path:
    rows = [note_row(n, text=f"Name-{n} was seen for cough.") | changes for n in numbers]
    return write_jsonl(path, rows)


def config_of(notes_file: Path, **changes: Any) -> SiteConfig:
    return SiteConfig.model_validate(site_values(notes_file, **changes))


def update(
    store: NoteStore,
    notes_file: Path,
    detector: FakeDetector | None = None,
    **changes: Any,
) -> StoreCounts:
    config = config_of(notes_file, **changes)
    treatment = make_treatment(detector or FakeDetector())
    return update_store(config, TASK, store, treatment, FakeProgress())


def stored_ids(store: NoteStore) -> list[str]:
    return [note.note_id for note in store.notes()]
