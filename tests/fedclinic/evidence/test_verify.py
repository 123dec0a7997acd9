"""The verifier: silent on honest evidence, and every edit of the tables is found and named."""

import json

import pytest
from pydantic import BaseModel

import fedclinic.evidence.standalone_verifier as standalone
from fedclinic.digest import canonical_json, digest_bytes
from fedclinic.errors import EvidenceError
from fedclinic.evidence.bundle import read_bundle
from fedclinic.evidence.checkpoint import sign_checkpoint
from fedclinic.evidence.events import (
    COORDINATOR,
    KeyRotated,
    ModelRegistered,
    PlanApproved,
    RunRecorded,
    UpdateJudged,
)
from fedclinic.evidence.findings import Finding, Severity, verdict_of
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.kinds import KINDS, kind_of
from fedclinic.evidence.log import SignedLog
from fedclinic.evidence.statement import sign
from fedclinic.evidence.verify import verify
from fedclinic.rounds import SiteReport
from tests.fedclinic.evidence.edits_of_bundles import BUNDLE_EDITS, HONEST
from tests.fedclinic.evidence.edits_of_statements import COORDINATOR_EDITS
from tests.fedclinic.evidence.edits_of_stores import STORE, STORE_EDITS
from tests.fedclinic.evidence.factory import (
    KEYS,
    ORIGIN,
    PARENT,
    PLAN,
    RUN,
    Scene,
    digest,
    edit_run,
    make_events,
    make_report,
    make_snapshots,
    make_store,
    make_trust,
    seal,
)


def as_json(record: BaseModel) -> dict:
    return json.loads(record.model_dump_json())


def found(findings: list[Finding], check: str, where: str) -> bool:
    return any(
        finding.check == check and where in finding.where and finding.severity == Severity.FAILED
        for finding in findings
    )


def test_honest_evidence_is_verified_in_silence():
    assert verify(HONEST, make_trust(), STORE) == []


def test_a_store_that_was_restored_from_a_backup_is_verified_in_silence():
    assert verify(HONEST, make_trust(), make_store()) == []


def test_a_bundle_survives_its_file():
    assert read_bundle(HONEST.model_dump_json().encode()) == HONEST


@pytest.mark.parametrize("name", BUNDLE_EDITS)
def test_an_edit_of_the_bundle_is_found(name):
    edit, check, where = BUNDLE_EDITS[name]
    findings = verify(edit(), make_trust())
    assert found(findings, check, where), findings


@pytest.mark.parametrize("name", COORDINATOR_EDITS)
def test_a_false_statement_is_found_though_it_is_sealed(name):
    edit, check, where = COORDINATOR_EDITS[name]
    findings = verify(edit(), make_trust())
    assert found(findings, check, where), findings


@pytest.mark.parametrize("name", STORE_EDITS)
def test_an_edit_of_mlflow_is_found(name):
    edit, check, where = STORE_EDITS[name]
    findings = verify(HONEST, make_trust(), edit())
    assert found(findings, check, where), findings


def test_mlflow_is_compared_with_what_sites_signed_even_if_the_coordinator_signed_something_else():
    """The coordinator lowers a site's epsilon in MLflow before it signs the snapshot."""
    store = STORE_EDITS["a site's epsilon is lowered in the database"][0]()
    scene = Scene(events=make_events(store.runs))
    bundle = seal(scene.envelopes(), snapshots=store.runs)
    findings = verify(bundle, make_trust(), store)
    assert [finding.check for finding in findings] == ["store.report"]


def test_an_old_checkpoint_shows_a_log_that_was_rewritten_and_sealed_again():
    seen = sign_checkpoint(
        SignedLog(ORIGIN).append(*HONEST.entries[:30]).head(), COORDINATOR, KEYS[COORDINATOR]
    )
    assert verify(HONEST, make_trust(seen=seen)) == []
    rewritten = COORDINATOR_EDITS["a site reports another delta"][0]()
    early = COORDINATOR_EDITS["more is charged than was reserved"][0]()
    assert not found(verify(rewritten, make_trust(seen=seen)), "seen.forked", "seen before")
    assert found(verify(early, make_trust(seen=seen)), "seen.forked", "seen before")
    shorter = seal(list(HONEST.entries[:20]))
    assert found(verify(shorter, make_trust(seen=seen)), "seen.truncated", "seen before")


def test_a_rotated_key_signs_from_then_on():
    for actor in (COORDINATOR, "birch"):
        new = SigningKey.generate()
        rotation = KeyRotated(
            at=1e9,
            actor=actor,
            old_key_id=KEYS[actor].key_id,
            public_key=new.public.raw.hex(),
        )
        scene = Scene(keys=KEYS | {"new": new}).inserted(25, rotation)
        key = new if actor == COORDINATOR else KEYS[COORDINATOR]
        assert verify(seal(scene.envelopes(), key=key), make_trust()) == []


def test_a_rotation_that_the_new_key_did_not_sign_is_found():
    new = SigningKey.generate()
    rotation = KeyRotated(
        at=1e9, actor="birch", old_key_id=KEYS["birch"].key_id, public_key=new.public.raw.hex()
    )
    envelopes = Scene().envelopes()
    envelopes.append(sign(rotation, kind_of(rotation), KEYS["birch"]))
    assert found(verify(seal(envelopes), make_trust()), "key.rotated", "log entry 48")


def test_a_site_whose_key_the_auditor_does_not_have_cannot_be_verified_but_did_not_fail():
    trust = make_trust()
    sites = {name: key for name, key in trust.sites.items() if name != "birch"}
    findings = verify(HONEST, trust.model_copy(update={"sites": sites}))
    assert verdict_of(findings) == "cannot verify"
    assert [finding.where for finding in findings] == ["site birch"]


def test_a_bundle_of_another_federation_cannot_be_verified():
    findings = verify(HONEST, make_trust(origin="another/log"))
    assert verdict_of(findings) == "cannot verify"
    assert len(findings) == 1


def test_a_kind_of_a_newer_version_cannot_be_verified_but_did_not_fail():
    newer = sign({"at": 1.0}, "site-inspected", KEYS[COORDINATOR])
    findings = verify(seal([*HONEST.entries, newer]), make_trust())
    assert [finding.check for finding in findings] == ["entry.kind"]
    assert verdict_of(findings) == "cannot verify"


def test_a_plan_of_another_version_cannot_be_verified_but_did_not_fail():
    plan = {name: value for name, value in PLAN.items() if name != "quorum"}
    other = PlanApproved(
        at=1e9, run="run-0", plan_digest=digest_bytes(canonical_json(plan)), plan=plan
    )
    findings = verify(seal(Scene().inserted(-1, other).envelopes()), make_trust())
    assert [finding.check for finding in findings] == ["plan.version"]
    assert verdict_of(findings) == "cannot verify"


def test_a_run_that_is_not_finished_cannot_be_verified_but_did_not_fail():
    running = make_snapshots()[PARENT].model_copy(update={"run_id": "next", "status": "RUNNING"})
    store = STORE.model_copy(update={"runs": STORE.runs | {"next": running}})
    assert verdict_of(verify(HONEST, make_trust(), store)) == "cannot verify"


def test_mlflow_recorded_again_with_other_rows_is_a_question_that_verification_cannot_answer():
    store = edit_run(STORE, PARENT, lambda run: {"params": {}})
    scene = Scene()
    recorded = scene.events[-1]
    again = {name: run.digest() for name, run in store.runs.items()}
    scene = scene.inserted(-1, recorded.model_copy(update={"snapshots": again}))
    bundle = seal(scene.envelopes(), snapshots=store.runs)
    assert [finding.check for finding in verify(bundle, make_trust(), store)] == ["recorded.again"]
    found = standalone.verify(as_json(bundle), as_json(make_trust()), as_json(store))
    assert [(severity, check) for severity, check, _, _ in found] == [
        ("cannot verify", "recorded.again")
    ]


def test_without_its_rows_a_changed_run_is_still_found():
    bundle = HONEST.model_copy(update={"snapshots": ()})
    store = edit_run(STORE, PARENT, lambda run: {"params": {}})
    assert found(verify(bundle, make_trust(), store), "store.digest", PARENT)
    assert verify(bundle, make_trust(), STORE) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"[]", "format"),
        (b'{"format": "fedclinic-bundle/0"}', "fedclinic-bundle/0"),
        (b'{"format": "fedclinic-bundle/1"}', "origin"),
        (HONEST.model_dump_json().replace('"keyid":"', '"keyid":"X', 1).encode(), "keyid"),
    ],
)
def test_what_is_not_a_bundle_is_refused_and_says_where(content, message):
    with pytest.raises(EvidenceError, match=message):
        read_bundle(content)


def test_every_kind_of_statement_has_one_record():
    assert {kind_of(event) for event in Scene().events} <= KINDS.keys()
    assert len({kind.record for kind in KINDS.values()}) == len(KINDS)


def test_a_round_that_was_stopped_and_asked_again_is_told_in_silence():
    """A site failed, the run was stopped and resumed, and the same attempt was then completed."""
    turn = {"site": "alder", "round_number": 1}
    first = make_report("alder", 1).model_copy(
        update={"status": "failed", "error": "training", "update": None, "privacy": None}
    )
    judged = UpdateJudged(at=1e9, run=RUN, attempt=1, verdict="failed", update=None, **turn)
    scene = Scene()
    place = scene.index(SiteReport, **turn)
    told = scene.inserted(place, first).inserted(place + 1, judged)
    assert verify(seal(told.envelopes()), make_trust()) == []


def test_a_run_that_was_stopped_may_be_recorded_again_and_a_finished_one_may_not():
    scene = Scene()
    place = scene.index(RunRecorded)
    recorded = scene.events[place].snapshots
    other = {name: digest("before") for name in recorded}
    stopped = RunRecorded(at=1e9, run=RUN, ended="stopped", snapshots=other)
    finished = stopped.model_copy(update={"ended": "finished"})
    assert verify(seal(scene.inserted(place, stopped).envelopes()), make_trust()) == []
    found_ = verify(seal(scene.inserted(place, finished).envelopes()), make_trust())
    assert {finding.check for finding in found_} == {"recorded.again"}


def test_a_model_is_called_released_only_if_its_gate_passed():
    version = STORE.versions[0].model_copy(update={"aliases": ("released",)})
    store = STORE.model_copy(update={"versions": (version,)})
    assert verify(HONEST, make_trust(), store) == []
    warned = seal(Scene().changed(ModelRegistered, {}, gate="warn").envelopes())
    findings = verify(warned, make_trust(), store)
    assert [finding.check for finding in findings] == ["registry.alias"]
