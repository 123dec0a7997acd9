"""Policies change in the open, by both verifiers: silent if they do, exact if they do not."""

import json

import pytest
from pydantic import BaseModel

import fedclinic.evidence.standalone_verifier as standalone
from fedclinic.evidence.bundle import Bundle
from fedclinic.evidence.events import PolicyChanged
from fedclinic.evidence.findings import Severity
from fedclinic.evidence.verify import verify
from tests.fedclinic.evidence.edits_of_policies import (
    FIRST,
    POLICY_EDITS,
    SECOND,
    told,
    version,
)
from tests.fedclinic.evidence.factory import make_trust, seal


def as_json(record: BaseModel) -> dict:
    return json.loads(record.model_dump_json())


def both(bundle: Bundle) -> list[tuple[str, str, str]]:
    """(severity, check, where) of the package's findings, which the one-file verifier shares."""
    findings = verify(bundle, make_trust())
    ours = [(f.severity.value, f.check, f.where) for f in findings]
    alone = standalone.verify(as_json(bundle), as_json(make_trust()), None)
    assert {found[:2] for found in alone} == {found[:2] for found in ours}
    return ours


def test_policies_that_change_in_the_open_are_verified_in_silence():
    assert both(seal(told().envelopes())) == []


@pytest.mark.parametrize("name", POLICY_EDITS)
def test_a_policy_that_is_told_falsely_is_found(name):
    edit, check, where = POLICY_EDITS[name]
    found = both(edit())
    rows = [row for *kind, row in found if kind == [Severity.FAILED, check]]
    assert any(where in row for row in rows), found


def test_versions_that_were_in_force_while_a_site_worked_for_others_are_not_missed():
    scene = told()
    first = scene.index(PolicyChanged, document="privacy", number=1)
    later = version("privacy", 7, FIRST, SECOND)
    scene.events[first] = version("privacy", 4, SECOND, FIRST)
    scene = scene.without(PolicyChanged, document="privacy", number=2)
    place = first + 25
    assert both(seal(scene.inserted(place, later).envelopes())) == []


def test_a_purge_under_a_policy_that_was_never_stated_cannot_be_verified():
    scene = told().without(PolicyChanged, document="retention")
    assert [found[:2] for found in both(seal(scene.envelopes()))] == [
        ("cannot verify", "policy.unstated")
    ]
