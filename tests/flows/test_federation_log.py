"""A federation's log at the coordinator: whose key is in force, and what revoking one does."""

from itertools import pairwise

import pytest

from fedclinic.errors import EvidenceError
from fedclinic.evidence.events import PolicyChanged, SiteJoined
from fedclinic.evidence.rotation import rotation_of, sign_rotation
from fedclinic.evidence.statement import Envelope
from flows.auditing.bundles import revoke_everywhere
from flows.auditing.self_check import check_own_log
from flows.coordinator_key import load_coordinator_key
from flows.federation_log import FederationLog
from flows.key_rotation import next_coordinator_key, rotate_coordinator_key
from flows.settings import Workspace
from tests.factories import make_signing_key


def joined(number: int) -> SiteJoined:
    return SiteJoined(at=1.0, site="north", public_key=make_signing_key(number).public.raw.hex())


def test_a_site_with_another_key_is_refused_until_the_old_one_is_revoked(tmp_path):
    space = Workspace(tmp_path)
    log = FederationLog(space, "tiny", load_coordinator_key(space))
    log.accept(joined(2))
    log.accept(joined(2))
    assert len(log.envelopes) == 1
    with pytest.raises(EvidenceError, match="another key"):
        log.accept(joined(3))
    revoke_everywhere(space, "north")
    reopened = FederationLog(space, "tiny", load_coordinator_key(space))
    with pytest.raises(EvidenceError, match="was revoked"):
        reopened.accept(joined(2))
    reopened.accept(joined(3))
    assert check_own_log(reopened).findings == ()


def rotated(first: int, last: int) -> list[Envelope]:
    """What the site signs as it goes on from one key to another."""
    keys = [make_signing_key(number) for number in range(first, last + 1)]
    return [
        sign_rotation(rotation_of("north", old, new, 1.0), old, new) for old, new in pairwise(keys)
    ]


def test_a_site_goes_on_with_a_key_that_its_old_one_vouches_for(tmp_path):
    space = Workspace(tmp_path)
    log = FederationLog(space, "tiny", load_coordinator_key(space))
    log.accept(joined(2))
    with pytest.raises(EvidenceError, match="another key"):
        log.accept(joined(4), rotated(3, 4))
    log.accept(joined(4), rotated(2, 4))
    log.accept(joined(4), rotated(2, 4))
    assert len(log.envelopes) == 3
    assert log.keyring().site_keys()["north"] == make_signing_key(4).public
    assert check_own_log(log).findings == ()


def test_a_process_that_still_has_the_old_key_states_nothing_more(tmp_path):
    space = Workspace(tmp_path)
    log = FederationLog(space, "tiny", load_coordinator_key(space))
    log.state(joined(2))
    next_coordinator_key(space)
    rotate_coordinator_key(space)
    with pytest.raises(EvidenceError, match="key was rotated"):
        log.state(joined(3))
    after = FederationLog(space, "tiny", load_coordinator_key(space))
    assert len(after.envelopes) == 2
    assert check_own_log(after).findings == ()


def test_the_coordinator_states_a_policy_where_it_is_another_than_before(tmp_path):
    space = Workspace(tmp_path)
    log = FederationLog(space, "tiny", load_coordinator_key(space))
    first, second = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    for digest in (first, first, second, first):
        log.put_in_force("retention", digest, 1.0)
    stated = [entry.event for entry in log.entries()]
    assert all(isinstance(event, PolicyChanged) for event in stated)
    assert [event.after for event in stated] == [first, second, first]
    assert check_own_log(log).findings == ()
