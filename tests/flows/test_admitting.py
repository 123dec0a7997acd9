"""The coordinator uses what answers its task and carries the planned noise, and nothing else."""

import math
from pathlib import Path

import numpy as np
import pytest

from fedclinic.errors import ConfigError, SignatureError
from fedclinic.evidence.statement import open_record, sign
from fedclinic.methods import decode_state, encode_state
from fedclinic.rounds import RoundTask
from fedclinic.updates.codec import encode
from fedclinic.updates.planned_noise import noise_floors
from flows.rounds import (
    REPORT_KIND,
    TASK_KIND,
    Federation,
    admit,
    check_update_bound,
    fold_in,
    make_task,
    publish_state,
    renew_task,
    work_of,
)
from flows.run_store import SiteOutcome
from tests.factories import (
    FAR_FUTURE,
    OTHER_DIGEST,
    make_plan,
    make_report,
    make_signing_key,
    make_unprotected,
    plan_values,
)
from tests.flows.federations import (
    COORDINATOR,
    SCHEMA,
    FakeSites,
    answered,
    make_federation,
    signed_by_site,
)


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    return make_federation(tmp_path)


@pytest.fixture
def sites(federation: Federation) -> FakeSites:
    return FakeSites(federation)


def opened(federation: Federation, envelope: object) -> RoundTask:
    key = federation.key.public
    return open_record(envelope, {key.key_id: key}, TASK_KIND, RoundTask)


def answer(sites: FakeSites, update: object = None, **changes: object) -> SiteOutcome:
    """Let north answer its task of round 1; the update is honest unless given."""
    task = sites.task("north")
    asked = opened(sites.federation, task)
    report = sites.report(asked, sites.honest_update() if update is None else update, **changes)
    return admit(sites.federation, task, answered(signed_by_site(report, "north")))


# --- tasks


def test_a_task_carries_the_part_of_the_plan_that_a_site_carries_out(federation):
    task = opened(federation, make_task(federation, "north", 2, OTHER_DIGEST, FAR_FUTURE))
    plan = federation.plan
    assert task.work == work_of(plan)
    assert (task.run, task.site, task.round_number) == ("run-a", "north", 2)
    assert (task.plan_digest, task.state, task.deadline) == (
        plan.digest(),
        OTHER_DIGEST,
        FAR_FUTURE,
    )


def test_no_two_tasks_have_one_nonce(sites):
    nonces = {opened(sites.federation, sites.task("north")).nonce for _ in range(20)}
    assert len(nonces) == 20


def test_a_renewed_task_has_a_new_deadline_and_is_the_same_otherwise(sites):
    task = sites.task("north")
    renewed = opened(sites.federation, renew_task(sites.federation, task, 2 * FAR_FUTURE))
    assert renewed.deadline == 2 * FAR_FUTURE
    unchanged = {"deadline": opened(sites.federation, task).deadline}
    assert renewed.model_copy(update=unchanged) == opened(sites.federation, task)


def test_a_report_that_was_kept_before_an_interruption_answers_the_renewed_task(sites):
    first = sites.task("north")
    report = sites.report(opened(sites.federation, first), sites.honest_update())
    renewed = renew_task(sites.federation, first, FAR_FUTURE + 60)
    assert admit(sites.federation, renewed, answered(signed_by_site(report))).verdict == "admitted"


def test_a_strangers_task_is_never_renewed(sites):
    task = opened(sites.federation, sites.task("north"))
    forged = sign(task, TASK_KIND, make_signing_key(9))
    with pytest.raises(SignatureError):
        renew_task(sites.federation, forged, FAR_FUTURE + 60)


def test_the_first_round_starts_from_the_base_model_and_sends_nothing(federation):
    state = federation.method.init(SCHEMA)
    assert publish_state(federation, state, "north") == (None, 0)


def test_a_later_round_starts_from_the_global_models_change(sites):
    federation = sites.federation
    state, _ = fold_in(federation, federation.method.init(SCHEMA), (answer(sites),))
    digest, size = publish_state(federation, state, "north")
    assert digest is not None
    content = federation.blobs.find(digest).read_bytes()
    assert len(content) == size
    assert content == encode(state.change, "F32")


# --- admission


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


@pytest.mark.parametrize("noise", [0.0, 0.5, 0.9])
def test_an_update_with_less_than_the_planned_noise_is_quarantined(sites, noise):
    outcome = answer(sites, sites.honest_update(noise=noise))
    assert outcome.verdict == "quarantined"
    assert "below the noise floor" in outcome.reason


def test_noise_on_the_blocks_does_not_excuse_a_head_without(sites):
    update = sites.honest_update()
    update["head.bias"] *= 0.5
    outcome = answer(sites, update)
    assert outcome.verdict == "quarantined"
    assert "group 'head' is below the noise floor" in outcome.reason


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


def test_a_plan_without_privacy_has_no_noise_floor(tmp_path):
    plan = make_plan(privacy=make_unprotected().model_dump())
    assert noise_floors(work_of(plan), SCHEMA, 1) == ()
    sites = FakeSites(make_federation(tmp_path, plan))
    tiny = {name: np.full(shape, 1e-6, dtype=np.float32) for name, shape in SCHEMA.items()}
    assert answer(sites, tiny).verdict == "admitted"


@pytest.mark.parametrize("optimizer", [{"name": "adam"}, {"name": "sgd", "momentum": 0.5}])
def test_an_optimiser_whose_noise_has_no_known_norm_has_no_floor(optimizer):
    plan = make_plan(optimizer={"learning_rate": 0.5} | optimizer)
    assert noise_floors(work_of(plan), SCHEMA, 1) == ()


def test_the_floor_follows_the_rates_of_its_round_and_group():
    optimizer = {"name": "sgd", "learning_rate": 0.5, "decay": "linear", "head_factor": 3.0}
    plan = make_plan(optimizer=optimizer)
    first = {floor.group: floor for floor in noise_floors(work_of(plan), SCHEMA, 1)}
    second = {floor.group: floor for floor in noise_floors(work_of(plan), SCHEMA, 2)}
    assert first["blocks"].names == {"block.weight"}
    assert first["head"].names == {"head.bias"}
    plain = {floor.group: floor.norm for floor in noise_floors(work_of(make_plan()), SCHEMA, 1)}
    rates = {n: plan.optimizer.rates(round_number=n, rounds=2, steps=3) for n in (1, 2)}
    for number, floors in ((1, first), (2, second)):
        scale = np.linalg.norm(rates[number]) / np.linalg.norm([0.5] * 3)
        assert floors["blocks"].norm == pytest.approx(scale * plain["blocks"])
        assert floors["head"].norm == pytest.approx(3 * scale * plain["head"])


# --- folding in


def outcomes_of(sites: FakeSites, verdicts: dict[str, str]) -> tuple[SiteOutcome, ...]:
    found = []
    for number, (site, verdict) in enumerate(verdicts.items()):
        asked = opened(sites.federation, sites.task(site))
        report = sites.report(asked, sites.honest_update(seed=number))
        found.append(SiteOutcome(site=site, verdict=verdict, report=report))
    return tuple(found)


def test_admitted_updates_are_averaged_with_the_plans_weights(sites):
    outcomes = outcomes_of(sites, {"north": "admitted", "south": "admitted"})
    state, diagnostics = fold_in(sites.federation, sites.federation.method.init(SCHEMA), outcomes)
    north, south = sites.honest_update(seed=0), sites.honest_update(seed=1)
    for name in SCHEMA:
        expected = 0.25 * north[name] + 0.75 * south[name]
        assert np.allclose(state.change[name], expected, atol=1e-6)
    assert diagnostics.weights == {"north": 0.25, "south": 0.75}
    assert state.round_number == 1


@pytest.mark.parametrize("verdict", ["quarantined", "refused", "failed"])
def test_what_was_not_admitted_does_not_touch_the_model(sites, verdict):
    outcomes = outcomes_of(sites, {"north": "admitted", "south": verdict})
    state, diagnostics = fold_in(sites.federation, sites.federation.method.init(SCHEMA), outcomes)
    north = sites.honest_update(seed=0)
    assert all(np.allclose(state.change[name], north[name], atol=1e-6) for name in SCHEMA)
    assert diagnostics.weights == {"north": 1.0}


def test_a_state_survives_its_checkpoint_bit_by_bit(tmp_path):
    for method in ("fedavg", "local_only"):
        plan = make_plan(method={"name": method})
        sites = FakeSites(make_federation(tmp_path / method, plan))
        outcomes = outcomes_of(sites, {"north": "admitted", "south": "admitted"})
        start = sites.federation.method.init(SCHEMA)
        state, _ = fold_in(sites.federation, start, outcomes)
        again = decode_state(encode_state(state), like=start)
        assert encode_state(again) == encode_state(state)
        assert again.round_number == 1


def test_a_plan_that_keeps_sites_apart_gives_each_its_own_model(tmp_path):
    plan = make_plan(**plan_values(method={"name": "local_only"}))
    sites = FakeSites(make_federation(tmp_path, plan))
    outcomes = outcomes_of(sites, {"north": "admitted", "south": "admitted"})
    state, _ = fold_in(sites.federation, sites.federation.method.init(SCHEMA), outcomes)
    digests = {publish_state(sites.federation, state, site)[0] for site in ("north", "south")}
    assert len(digests) == 2


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


def test_a_bound_below_the_planned_noise_is_refused_before_a_round():
    """sigma 2, C 1, B 4, three steps of rate 0.5: each parameter's noise is 0.433 a round."""
    parameters = sum(math.prod(shape) for shape in SCHEMA.values())
    noise = 2.0 / 4.0 * 0.5 * math.sqrt(3 * parameters)
    check_update_bound(make_plan(admission={"max_update_norm": 1.3 * noise}), SCHEMA)
    with pytest.raises(ConfigError, match=r"max_update_norm is .* raise it to"):
        check_update_bound(make_plan(admission={"max_update_norm": 0.9 * noise}), SCHEMA)


def test_without_noise_any_bound_is_the_plans_own_business():
    plan = make_plan(privacy=make_unprotected().model_dump(), admission={"max_update_norm": 1e-6})
    check_update_bound(plan, SCHEMA)
