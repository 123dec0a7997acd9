"""One exchange for each test: on SQLite, or on the PostgreSQL that the environment names."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from flows.exchange.tables import metadata
from tests.flows.exchange.desk import Desk

DATABASE = os.environ.get("FEDCLINIC_TEST_DATABASE")
"""Such as postgresql+psycopg:///name; its tables are dropped after each test."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, database=DATABASE)
    yield desk
    if DATABASE is not None:
        desk.exchange.queue.engine.dispose()
        metadata.drop_all(create_engine(DATABASE))
