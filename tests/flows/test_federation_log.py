"""A federation's log at the coordinator: whose key is in force, and what revoking one does."""

import pytest

from fedclinic.errors import EvidenceError
from fedclinic.evidence.events import SiteJoined
from flows.auditing.bundles import revoke_everywhere
from flows.auditing.self_check import check_own_log
from flows.coordinator_key import load_coordinator_key
from flows.federation_log import FederationLog
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
