"""One ledger of two cohorts, its file and its clock."""

from pathlib import Path

import pytest

from site_agent.ledger_file import LedgerFile
from tests.site_agent.ledger_file.ledgers import Clock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(path: Path, clock: Clock) -> LedgerFile:
    opened = LedgerFile.open(path, site="st_elsewhere", clock=clock)
    opened.add_cohort("2019", epsilon=4.0, delta=1e-5)
    opened.add_cohort("2020", epsilon=4.0, delta=1e-5)
    return opened
