"""A coordinator in the middle of a run, and both its sites."""

from pathlib import Path

import pytest

from flows.rounds import Federation
from tests.flows.federations import FakeSites, make_federation


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    return make_federation(tmp_path)


@pytest.fixture
def sites(federation: Federation) -> FakeSites:
    return FakeSites(federation)
