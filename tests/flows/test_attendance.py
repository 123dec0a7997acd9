"""A run starts with enough sites, goes on without those that are away, and takes them in again."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from fedclinic.answers import Answer
from fedclinic.errors import RunError
from fedclinic.evidence.keys import VerifyKey
from fedclinic.evidence.statement import Envelope
from fedclinic.rounds import DeidentificationSummary, SitePrepared
from flows.attendance import Attendance, check_attendance
from tests.factories import DIGEST, OTHER_DIGEST, make_plan, make_signing_key

LOCAL = make_plan()
EXCHANGE = make_plan(transport={"kind": "exchange"})
AWAY = {"south": "site south is absent"}


class KnownSites:
    """Sites whose keys are known."""

    def submit(self, site: str, task: Envelope) -> Answer:
        raise NotImplementedError(site)

    def key(self, site: str) -> VerifyKey:
        return make_signing_key(len(site)).public


@dataclass
class Preparing:
    """Prepares a site, or tells why it cannot."""

    prepared: SitePrepared | None
    asked: list[str] = field(default_factory=list)

    def __call__(self, site: str) -> SitePrepared:
        self.asked.append(site)
        if self.prepared is None:
            raise RunError(f"site {site} is absent")
        return self.prepared


def make_prepared(**changes: Any) -> SitePrepared:
    values: dict[str, Any] = {
        "run": "run-a",
        "site": "north",
        "nonce": "0" * 32,
        "base_model": DIGEST,
        "shapes": {"head.bias": (3,)},
        "model_parameters": 5,
        "deidentification": DeidentificationSummary(
            policy=DIGEST, notes=10, quarantined=None, replaced={}
        ),
    }
    return SitePrepared.model_validate(values | changes)


def test_a_run_starts_without_a_site_that_is_away_if_enough_others_are_there():
    check_attendance(EXCHANGE, AWAY)
    with pytest.raises(RunError, match="south is absent"):
        check_attendance(make_plan(transport={"kind": "exchange"}, quorum=2), AWAY)


def test_on_one_machine_every_site_must_be_there():
    check_attendance(LOCAL, {})
    with pytest.raises(RunError, match="south is absent"):
        check_attendance(LOCAL, AWAY)


def test_no_run_starts_that_could_not_be_measured():
    with pytest.raises(RunError, match="no notes"):
        check_attendance(EXCHANGE, {"evaluation": "no notes"})


def test_a_site_that_comes_back_is_prepared_once_and_takes_part():
    prepare = Preparing(make_prepared(site="south"))
    attendance = Attendance(KnownSites(), {"north": make_prepared()}, prepare)
    attendance.check_in("north")
    assert set(attendance.keys) == {"north"}
    attendance.check_in("south")
    attendance.check_in("south")
    assert prepare.asked == ["south"]
    assert attendance.keys["south"] == KnownSites().key("south")


def test_a_site_that_is_still_away_is_asked_again_the_next_time():
    prepare = Preparing(None)
    attendance = Attendance(KnownSites(), {"north": make_prepared()}, prepare)
    for _ in range(2):
        with pytest.raises(RunError, match="absent"):
            attendance.check_in("south")
    assert prepare.asked == ["south", "south"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"base_model": OTHER_DIGEST}, "base models differ"), ({"shapes": {}}, "tensors differ")],
)
def test_a_site_that_is_not_like_the_others_takes_no_part(changes, reason):
    prepare = Preparing(make_prepared(site="south", **changes))
    attendance = Attendance(KnownSites(), {"north": make_prepared()}, prepare)
    with pytest.raises(RunError, match=reason):
        attendance.check_in("south")
    assert set(attendance.keys) == {"north"}
