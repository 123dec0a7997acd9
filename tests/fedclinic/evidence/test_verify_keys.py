"""Whose key counts: sites and witnesses that rotate, and sites that join again, by both readers."""

import json

import pytest
from pydantic import BaseModel

import fedclinic.evidence.standalone_verifier as standalone
from fedclinic.evidence.bundle import Bundle, Trust
from fedclinic.evidence.checkpoint import cosign_checkpoint
from fedclinic.evidence.events import SiteJoined, SiteRevoked
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.rotation import rotation_of, rotations_between, sign_rotation
from fedclinic.evidence.verify import verify
from tests.fedclinic.evidence.factory import KEYS, Scene, make_trust, seal

NEW, NEWER = SigningKey.generate(), SigningKey.generate()


def as_json(record: BaseModel) -> dict:
    return json.loads(record.model_dump_json())


def checks(bundle: Bundle, trust: Trust) -> list[tuple[str, str]]:
    """(severity, check) of both verifiers, which must agree."""
    ours = [(f.severity.value, f.check) for f in verify(bundle, trust)]
    alone = standalone.verify(as_json(bundle), as_json(trust), None)
    assert {found[:2] for found in alone} == set(ours)
    return ours


def rotated() -> Scene:
    scene = Scene(keys=KEYS | {"new": NEW})
    return scene.inserted(25, rotation_of("birch", KEYS["birch"], NEW, 1e9))


def cosigned(bundle: Bundle, key: SigningKey) -> Bundle:
    checkpoint = cosign_checkpoint(bundle.checkpoint, "birch", key)
    return bundle.model_copy(update={"checkpoint": checkpoint})


def birch_alone() -> Trust:
    """A trust that asks for birch's cosignature, and has the key that birch had at first."""
    key = KEYS["birch"].public.raw.hex()
    return make_trust(witnesses={"birch": key}, required_witnesses=1)


def test_a_hospital_cosigns_with_the_key_that_its_old_one_vouched_for():
    bundle = seal(rotated().envelopes(), witnesses=())
    assert checks(cosigned(bundle, NEW), birch_alone()) == []
    assert checks(cosigned(bundle, KEYS["birch"]), birch_alone()) == [("failed", "seal.witnesses")]
    assert checks(cosigned(bundle, NEWER), birch_alone()) == [("failed", "seal.witnesses")]


def joined_again(last: SigningKey) -> Scene:
    """Birch's key is revoked at the end of the log, and birch is said to have another."""
    revoked = SiteRevoked(at=1e9, site="birch", key_id=KEYS["birch"].key_id, reason="left")
    joined = SiteJoined(at=1e9, site="birch", public_key=last.public.raw.hex())
    scene = Scene(keys=KEYS | {"new": last})
    return scene.inserted(-1, revoked).inserted(-1, joined)


def test_a_key_that_only_the_coordinator_vouches_for_is_told_though_an_older_one_is_known():
    bundle = seal(joined_again(NEW).envelopes())
    assert checks(bundle, make_trust()) == [("cannot verify", "key.unknown")]
    sites = make_trust().sites | {"birch": NEW.public.raw.hex()}
    assert checks(bundle, make_trust(sites=sites)) == [("cannot verify", "key.unknown")]
    both = {"birch": (KEYS["birch"].public.raw.hex(),)}
    assert checks(bundle, make_trust(sites=sites, earlier=both)) == []


def test_a_coordinator_cannot_cosign_for_a_hospital_whose_key_it_revoked():
    bundle = seal(joined_again(NEW).envelopes(), witnesses=())
    assert ("failed", "seal.witnesses") in checks(cosigned(bundle, NEW), birch_alone())
    assert ("failed", "seal.witnesses") in checks(cosigned(bundle, KEYS["birch"]), birch_alone())


@pytest.mark.parametrize("actor", ["birch", "alder"])
def test_steps_lead_from_one_key_to_another_only_if_each_was_signed_by_both(actor):
    first, second = KEYS["birch"], NEW
    one = sign_rotation(rotation_of("birch", first, second, 1.0), first, second)
    two = sign_rotation(rotation_of("birch", second, NEWER, 2.0), second, NEWER)
    expected = (one, two) if actor == "birch" else ()
    assert rotations_between(actor, first.public, NEWER.public, [two, one]) == expected
    unsigned = one.model_copy(update={"signatures": one.signatures[:1]})
    assert rotations_between(actor, first.public, NEWER.public, [unsigned, two]) == ()
    assert rotations_between(actor, first.public, NEWER.public, [two]) == ()
