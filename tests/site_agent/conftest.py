"""One site as a value, one as files on disk, and every format that notes come in."""

from pathlib import Path

import pytest

from tests.factories import note_row, write_jsonl
from tests.site_agent.desk import Desk
from tests.site_agent.notes_files import WRITERS
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


@pytest.fixture(params=sorted(WRITERS))
def format_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)
