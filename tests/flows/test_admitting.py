"""The coordinator uses what answers its task and is the planned update, and nothing else."""

import numpy as np
import pytest

from fedclinic.evidence.statement import sign
from fedclinic.updates.codec import encode
from flows.rounds import REPORT_KIND, TASK_KIND, admit
from tests.factories import OTHER_DIGEST, make_report, make_signing_key
from tests.flows.federations import COORDINATOR, SCHEMA, answer, answered, opened, signed_by_site


def test_an_honest_report_is_admitted(sites):
    outcome = answer(sites)
    assert (outcome.site, outcome.verdict, outcome.reason) == ("north", "admitted", "")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nonce": "f" * 32}, "nonce"),
        ({"run": "run-b"}, "run"),
        ({"round_number": 2}, "round_number"),
        ({"attempt": 2}, "attempt"),
        ({"site": "south"}, "site"),
        ({"plan_digest": OTHER_DIGEST}, "plan_digest"),
    ],
)
def test_a_report_that_answers_another_task_is_quarantined(sites, change, field):
    outcome = answer(sites, **change)
    assert outcome.verdict == "quarantined"
    assert f"{field} is not the task's" in outcome.reason
    assert outcome.report is None


@pytest.mark.parametrize("number", [3, 9])
def test_a_report_that_another_key_signed_is_quarantined(sites, number):
    task = sites.task("north")
    report = sites.report(opened(sites.federation, task), sites.honest_update())
    forged = sign(report, REPORT_KIND, make_signing_key(number))
    outcome = admit(sites.federation, task, answered(forged))
    assert outcome.verdict == "quarantined"
    assert "0 of 1 trusted signatures are good" in outcome.reason


def test_a_statement_of_another_kind_is_quarantined(sites):
    task = sites.task("north")
    report = sites.report(opened(sites.federation, task), sites.honest_update())
    other = sign(report, TASK_KIND, make_signing_key(2))
    assert admit(sites.federation, task, answered(other)).verdict == "quarantined"


def test_a_report_whose_blob_never_arrived_is_quarantined(sites):
    task = sites.task("north")
    report = sites.report(opened(sites.federation, task), sites.honest_update())
    assert report.update is not None
    sites.federation.blobs.path(report.update.blob).unlink()
    outcome = admit(sites.federation, task, answered(signed_by_site(report)))
    assert outcome.verdict == "quarantined"
    assert "is not in" in outcome.reason


def test_a_blob_with_other_bytes_than_its_site_signed_is_quarantined(sites):
    task = sites.task("north")
    report = sites.report(opened(sites.federation, task), sites.honest_update())
    assert report.update is not None
    path = sites.federation.blobs.path(report.update.blob)
    path.write_bytes(encode(sites.honest_update(seed=5), "F32"))
    outcome = admit(sites.federation, task, answered(signed_by_site(report)))
    assert outcome.verdict == "quarantined"
    assert "does not have the digest that its site signed" in outcome.reason


def test_an_update_above_the_plans_norm_is_quarantined(sites):
    outcome = answer(sites, sites.honest_update(noise=50.0))
    assert outcome.verdict == "quarantined"
    assert "is above the plan's bound 100" in outcome.reason


def with_value(value: float) -> bytes:
    tensors = {name: np.ones(shape, dtype=np.float32) for name, shape in SCHEMA.items()}
    content = bytearray(encode(tensors, "F32"))
    content[-4:] = np.float32(value).tobytes()
    return bytes(content)


WRONG_BLOBS = {
    "not a number": with_value(float("nan")),
    "infinite": with_value(float("inf")),
    "no tensors": b"x",
    "a pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    "a huge header": (2**60).to_bytes(8, "little") + b"{}",
    "another tensor": encode({"x": np.ones(3, dtype=np.float32)}, "F32"),
    "a tensor less": encode({"head.bias": np.ones(300, dtype=np.float32)}, "F32"),
    "a turned shape": encode(
        {"block.weight": np.ones((150, 100), np.float32), "head.bias": np.ones(300, np.float32)},
        "F32",
    ),
    "half precision": encode({n: np.ones(s, np.float32) for n, s in SCHEMA.items()}, "BF16"),
}


@pytest.mark.parametrize("wrong", WRONG_BLOBS)
def test_a_blob_that_is_not_the_planned_update_is_quarantined(sites, wrong):
    outcome = answer(sites, WRONG_BLOBS[wrong])
    assert outcome.verdict == "quarantined"
    assert outcome.reason


def test_a_completed_report_without_an_update_is_quarantined(sites):
    task = sites.task("north")
    report = make_report(opened(sites.federation, task), status="completed", error=None)
    outcome = admit(sites.federation, task, answered(signed_by_site(report)))
    assert (outcome.verdict, outcome.reason) == ("quarantined", "the report names no update")


@pytest.mark.parametrize("status", ["refused", "failed"])
def test_a_site_that_declines_is_reported_with_its_own_words_or_its_code(sites, status):
    task = sites.task("north")
    report = make_report(opened(sites.federation, task), status=status, error="budget")
    told = admit(sites.federation, task, answered(signed_by_site(report), "cohort 2026 is spent"))
    coded = admit(sites.federation, task, answered(signed_by_site(report)))
    assert (told.verdict, told.reason) == (status, "cohort 2026 is spent")
    assert (coded.verdict, coded.reason) == (status, "budget")


def test_the_coordinator_never_takes_its_own_task_for_a_report(sites):
    task = sites.task("north")
    assert admit(sites.federation, task, answered(task)).verdict == "quarantined"
    assert COORDINATOR.key_id == sites.federation.key.key_id


def test_an_update_that_is_a_link_is_quarantined_and_ends_nothing(sites, tmp_path):
    federation = sites.federation
    task = sites.task("north")
    report = sites.report(opened(federation, task), sites.honest_update())
    path = federation.blobs.find(report.update.blob)
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    outcome = admit(federation, task, answered(signed_by_site(report, "north")))
    assert outcome.verdict == "quarantined"
    assert "cannot be read" in outcome.reason
