"""A hospital behind a wire that is cut, slow, lossy or open at one end only, in every round.

The wire joins two network namespaces, which needs root; exchange and agents are real processes.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.conftest import HOSPITALS
from tests.end_to_end.hospitals import Hospitals
from tests.end_to_end.transports import (
    Training,
    make_hospitals,
    over_pipes,
    over_the_exchange,
    train,
)
from tests.network_namespace import CALM, CUT, Disturbance, NetworkNamespace, may_make_networks

pytestmark = pytest.mark.skipif(not may_make_networks(), reason="needs root, ip and TUN")

SECONDS = 4.0
"""For so long a wire is disturbed: twice a lease."""


@dataclass(frozen=True)
class Wire:
    """North's way to the exchange."""

    hospitals: Hospitals
    network: NetworkNamespace

    def disturb_when_north_works(self, fault: Callable[["Wire"], None]) -> threading.Thread:
        """Wait until north has its next task, do something to the wire, and mend it again."""
        before = len(self.hospitals.calls())

        def leased() -> bool:
            new = self.hospitals.calls()[before:]
            return any(
                call["route"] == "/v1/lease" and call["site"] == "north" and call["status"] == 200
                for call in new
            )

        def disturb() -> None:
            self.hospitals.wait_for(leased)
            fault(self)
            time.sleep(SECONDS)
            self.network.disturbance = CALM

        thread = threading.Thread(target=disturb)
        thread.start()
        return thread


def cut(wire: Wire) -> None:
    wire.network.disturbance = CUT


def delay(wire: Wire) -> None:
    wire.network.disturbance = Disturbance(delay=0.4, jitter=0.2)


def lose(wire: Wire) -> None:
    wire.network.disturbance = Disturbance(loss=0.3)


def garble(wire: Wire) -> None:
    """Packets overtake each other, come twice, or come with other bytes."""
    wire.network.disturbance = Disturbance(jitter=0.05, duplicated=0.2, corrupted=0.1)


def leave_half_open(wire: Wire) -> None:
    """North never hears that the exchange which it talks to is gone."""
    wire.network.disturbance = CUT
    wire.hospitals.kill("exchange")
    wire.hospitals.start_exchange()


FAULTS = (cut, delay, lose, garble, leave_half_open)


@pytest.fixture
def wire(tmp_path: Path, tiny_model_folder: Path) -> Iterator[Wire]:
    hospitals = make_hospitals(tmp_path, tiny_model_folder)
    hospitals.rounds = len(FAULTS)
    with NetworkNamespace(1 + os.getpid() % 250) as network:
        hospitals.prefixes = {"north": network.prefix}
        hospitals.host = "0.0.0.0"  # noqa: S104 - north is on another network
        url = f"https://{network.gateway}:{hospitals.port}"
        hospitals.options = ["--only-exchange", "--url", url]
        try:
            yield Wire(hospitals, network)
        finally:
            hospitals.stop()


def test_a_wire_that_fails_in_every_round_changes_nothing_but_the_time(wire: Wire) -> None:
    rounds = len(FAULTS)
    with over_pipes(wire.hospitals) as (sites, workspace):
        undisturbed, _ = train(wire.hospitals, sites, workspace, rounds)
    with over_the_exchange(wire.hospitals) as (sites, workspace):
        training = Training.begin(wire.hospitals, sites, workspace)
        for number, fault in enumerate(FAULTS, start=1):
            disturbing = wire.disturb_when_north_works(fault)
            training.one_round(number)
            disturbing.join()
    assert training.verdicts == ["admitted"] * rounds * len(HOSPITALS)
    assert training.model() == undisturbed
    for site in HOSPITALS:
        assert wire.hospitals.charged(site) == list(range(1, rounds + 1))
