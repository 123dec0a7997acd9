"""What a site is asked: the part of the plan that it carries out, and a model to start from."""

import pytest

from fedclinic.errors import SignatureError
from fedclinic.evidence.statement import sign
from fedclinic.updates.codec import encode
from flows.rounds import TASK_KIND, admit, fold_in, make_task, publish_state, renew_task, work_of
from tests.factories import FAR_FUTURE, OTHER_DIGEST, make_signing_key
from tests.flows.federations import SCHEMA, answer, answered, opened, signed_by_site


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
