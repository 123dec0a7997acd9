"""The coordinator goes on with a new key: the log says so, twice signed, and verifies as before."""

import pytest

from fedclinic.errors import ConfigError
from fedclinic.evidence.events import COORDINATOR, SiteJoined
from fedclinic.evidence.statement import statement_kind
from flows.__main__ import main
from flows.auditing.bundles import open_log
from flows.auditing.self_check import check_own_log
from flows.coordinator_key import load_coordinator_key, public_text
from flows.federation_log import FederationLog
from flows.key_rotation import next_coordinator_key, rotate_coordinator_key, unfinished_runs
from flows.run_store import RunHeader, RunStore
from flows.settings import Workspace
from tests.command_line import type_here
from tests.factories import make_plan, make_signing_key


def joined(number: int, site: str = "north") -> SiteJoined:
    return SiteJoined(at=1.0, site=site, public_key=make_signing_key(number).public.raw.hex())


@pytest.fixture
def space(tmp_path) -> Workspace:
    space = Workspace(tmp_path)
    for federation in ("tiny", "other"):
        FederationLog(space, federation, load_coordinator_key(space)).accept(joined(2))
    return space


def test_a_log_verifies_before_and_after_every_rotation(space):
    for number in range(2):
        next_coordinator_key(space)
        rotate_coordinator_key(space)
        for federation in ("tiny", "other"):
            log = open_log(space, federation)
            log.accept(joined(3 + number, f"site-{number}"))
            assert check_own_log(log).findings == ()
    kinds = [statement_kind(envelope) for envelope in open_log(space, "tiny").envelopes]
    assert kinds == ["site-joined", *["key-rotated", "site-joined"] * 2]


def test_the_key_in_force_is_the_one_that_was_told_before(space):
    told = next_coordinator_key(space)
    assert load_coordinator_key(space).key_id != told.key_id
    assert rotate_coordinator_key(space).key_id == told.key_id
    assert load_coordinator_key(space).key_id == told.key_id
    assert open_log(space, "tiny").keyring().current[COORDINATOR] == told.public


def test_the_old_key_is_kept_aside(space):
    old = load_coordinator_key(space)
    next_coordinator_key(space)
    rotate_coordinator_key(space)
    aside = space.signing_key.with_name(f"coordinator.{old.key_id[:8]}.pem")
    assert aside.read_bytes() == old.to_pem()


def test_a_key_that_no_site_could_know_is_not_put_in_force(space):
    with pytest.raises(ConfigError, match="fedclinic key next"):
        rotate_coordinator_key(space)


def test_a_rotation_that_was_interrupted_is_stated_once(space):
    fresh = next_coordinator_key(space).to_pem()
    old = space.signing_key.read_bytes()
    rotate_coordinator_key(space)
    space.signing_key.write_bytes(old)
    space.next_signing_key.write_bytes(fresh)
    rotate_coordinator_key(space)
    kinds = [statement_kind(envelope) for envelope in open_log(space, "tiny").envelopes]
    assert kinds == ["site-joined", "key-rotated"]
    assert check_own_log(open_log(space, "tiny")).findings == ()


def test_runs_that_cannot_be_gone_on_with_are_named(space, monkeypatch, capsys):
    store = RunStore(space.runs / "tiny-main-1")
    store.write_header(RunHeader(run="tiny-main-1", title="", plan=make_plan(), data=""))
    assert unfinished_runs(space) == ["tiny-main-1"]
    where = ["--workspace", str(space.root)]
    told = type_here(main, ["key", "next", *where], monkeypatch, capsys).out.split()[0]
    rotated = type_here(main, ["key", "rotate", *where], monkeypatch, capsys)
    assert f"in force: {told}" in rotated.out
    assert "run tiny-main-1 was not finished" in rotated.out
    shown = type_here(main, ["key", "show", *where], monkeypatch, capsys).out.strip()
    assert shown == told == public_text(load_coordinator_key(space))
