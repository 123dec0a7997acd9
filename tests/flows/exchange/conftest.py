"""One exchange for each test, on SQLite."""

from pathlib import Path

import pytest

from tests.flows.exchange.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
