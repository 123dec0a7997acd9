"""One site as a value, and one as files on disk."""

from pathlib import Path

import pytest

from tests.factories import note_row, write_jsonl
from tests.site_agent.desk import Desk
from tests.tiny_site import TinySite, make_tiny_site


@pytest.fixture
def tiny(tmp_path: Path, tiny_model_folder: Path) -> TinySite:
    return make_tiny_site(tmp_path, tiny_model_folder)


@pytest.fixture
def desk(tmp_path: Path, tiny_model_folder: Path) -> Desk:
    desk = Desk(tmp_path, tiny_model_folder)
    write_jsonl(desk.notes, [note_row(n) for n in range(12)])
    desk.write()
    return desk
