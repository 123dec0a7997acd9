"""What carries the messages changes nothing: the same model, bit for bit, over each transport."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from flows.settings import Workspace
from flows.sites import Sites
from tests.end_to_end.conftest import HOSPITALS
from tests.end_to_end.hospitals import Hospitals
from tests.end_to_end.transports import (
    make_hospitals,
    over_pipes,
    over_prefect,
    over_the_exchange,
    train,
)

ROUNDS = 2
Opened = Callable[[Hospitals], AbstractContextManager[tuple[Sites, Workspace]]]


@pytest.fixture(scope="module")
def hospitals(
    tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path
) -> Iterator[Hospitals]:
    hospitals = make_hospitals(tmp_path_factory.mktemp("transports"), tiny_model_folder)
    yield hospitals
    hospitals.stop()


@pytest.fixture(scope="module")
def over_local(hospitals: Hospitals) -> bytes:
    """The model that comes out where every site is a process of the coordinator."""
    return trained(hospitals, over_pipes)


def trained(hospitals: Hospitals, over: Opened) -> bytes:
    with over(hospitals) as (sites, workspace):
        model, verdicts = train(hospitals, sites, workspace, ROUNDS)
    assert verdicts == ["admitted"] * ROUNDS * len(HOSPITALS)
    return model


@pytest.mark.parametrize("over", [over_the_exchange, over_prefect])
def test_every_transport_gives_the_same_model_bit_for_bit(
    hospitals: Hospitals, over_local: bytes, over: Opened
) -> None:
    assert trained(hospitals, over) == over_local
