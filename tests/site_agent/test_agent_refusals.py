"""A site refuses a round before a note is read, and tells the coordinator one word."""

from datetime import UTC, datetime

import pytest

from fedclinic.errors import ErrorCode, SignatureError
from fedclinic.evidence.statement import sign
from fedclinic.plan import BaseModelRef, Layers
from fedclinic.privacy.accounting import epsilon
from fedclinic.rounds import TASK_KIND, RoundTask
from site_agent.agent import run_round
from site_agent.deid_measures import AuditVerdict
from site_agent.egress import REPORT_KIND
from tests.factories import OTHER_DIGEST, make_privacy, make_signing_key, make_work
from tests.fakes import FakeProgress
from tests.tiny_site import (
    COORDINATOR,
    UNPROTECTED,
    TinySite,
    installed_privacy_policy,
    make_tiny_site,
    make_tiny_task,
    never_read,
)

AUDITED_AT = datetime(2026, 11, 27, tzinfo=UTC)


def refuse(tiny: TinySite, task: RoundTask) -> tuple[ErrorCode | None, str]:
    """Run a task that must be refused; nothing is read, spent, kept or delivered by it."""
    tiny.change(workbench=never_read)
    spent = tiny.spent()
    answer = tiny.answer(task)
    assert len(answer.statements) == 1
    report, problem = tiny.open(answer.last), answer.problem
    assert report.status == "refused"
    assert report.update is None
    assert tiny.spent() == spent
    assert not tiny.home.outbox.exists()
    assert not tiny.site.blobs.root.exists()
    assert "\n" not in problem
    return report.error, problem


def test_a_task_that_a_stranger_signed_gets_no_answer(tiny):
    tiny.change(workbench=never_read)
    head = tiny.site.ledger.head()
    with pytest.raises(SignatureError, match="0 of 1 trusted signatures are good"):
        tiny.answer(make_tiny_task(), key=make_signing_key(9))
    assert tiny.site.ledger.head() == head


@pytest.mark.parametrize("other", [{"newer": 1}, {"work": None}])
def test_a_task_of_another_version_is_told_to_be_one_and_reads_nothing(tiny, other):
    tiny.change(workbench=never_read)
    head = tiny.site.ledger.head()
    fields = make_tiny_task().model_dump(mode="json") | other
    with pytest.raises(SignatureError, match="of another version of fedclinic"):
        run_round(tiny.site, sign(fields, TASK_KIND, COORDINATOR), FakeProgress())
    assert tiny.site.ledger.head() == head


def test_a_signed_statement_of_another_kind_is_no_task(tiny):
    tiny.change(workbench=never_read)
    envelope = sign(make_tiny_task(), REPORT_KIND, make_signing_key(1))
    with pytest.raises(SignatureError, match="another kind"):
        run_round(tiny.site, envelope, FakeProgress())


def test_another_sites_task_is_refused(tiny):
    code, problem = refuse(tiny, make_tiny_task(site="south"))
    assert code == "signature"
    assert problem == "the task is for site south, and this is north"


def test_a_task_whose_deadline_has_passed_is_refused(tiny):
    code, problem = refuse(tiny, make_tiny_task(deadline=tiny.clock.now - 1))
    assert code == "signature"
    assert "deadline of round 1 has passed" in problem


def test_a_plan_without_privacy_is_refused_unless_the_site_allows_it(tiny):
    code, problem = refuse(tiny, make_tiny_task(work=UNPROTECTED))
    assert code == "policy"
    assert "permissions.unprotected" in problem


def test_a_plan_without_privacy_that_the_site_allows_spends_nothing(tiny):
    tiny.allow(unprotected=True)
    report = tiny.run(make_tiny_task(work=UNPROTECTED))
    assert report.status == "completed"
    assert report.privacy is None
    assert tiny.spent() == 0.0
    assert tiny.site.ledger.spent_mechanisms("run-a") == []


REFUSED_WORK = {
    "more blocks than allowed": (
        make_work(layers=Layers(top=3)),
        "the plan trains 3 blocks, and site.yaml allows 2",
    ),
    "a model that is not allowed": (
        make_work(base_model=BaseModelRef(name="large")),
        "site.yaml allows no model 'large'",
    ),
    "too little noise": (
        make_work(privacy=make_privacy(noise_multiplier=0.1)),
        "noise multiplier is 0.1; this site demands 0.5",
    ),
    "too many patients a step": (
        make_work(privacy=make_privacy(sampling_rate=0.9)),
        "sampling rate is 0.9; this site allows 0.5",
    ),
    "too many steps": (
        make_work(privacy=make_privacy(steps_per_round=3000)),
        "steps a round is 3000; this site allows 2000",
    ),
    "too large an epsilon": (
        make_work(privacy=make_privacy(target_epsilon=9)),
        "target epsilon is 9; this site allows 8",
    ),
    "too large a delta": (
        make_work(privacy=make_privacy(delta=1e-4)),
        "delta is 0.0001; this site allows 1e-05",
    ),
    "a draft": (
        make_work(privacy=make_privacy(noise_multiplier=None)),
        "the plan is a draft",
    ),
    "more than the plan promised": (
        make_work(privacy=make_privacy(target_epsilon=0.5)),
        "its plan promised 0.5",
    ),
}


@pytest.mark.parametrize("asked", REFUSED_WORK)
def test_work_that_the_site_does_not_allow_is_refused(tiny, asked):
    work, reason = REFUSED_WORK[asked]
    code, problem = refuse(tiny, make_tiny_task(work=work))
    assert code == "policy"
    assert reason in problem


def test_a_round_after_the_plans_last_is_refused(tiny):
    code, problem = refuse(tiny, make_tiny_task(round_number=3))
    assert code == "policy"
    assert problem == "round 3 of a plan of 2 rounds"


def test_a_round_that_would_overspend_a_cohorts_budget_is_refused(tmp_path, tiny_model_folder):
    policy = installed_privacy_policy(epsilon=2.5, yearly_epsilon=2.5)
    tiny = make_tiny_site(tmp_path, tiny_model_folder, policy=policy)
    work = make_work(privacy=make_privacy(noise_multiplier=0.8, steps_per_round=60))
    code, problem = refuse(tiny, make_tiny_task(work=work))
    assert code == "budget"
    assert "of 2.5 for life" in problem


def test_rounds_that_are_left_out_cannot_be_used_to_pass_the_promise(tiny):
    privacy = make_privacy()
    promised = epsilon([privacy.mechanism()] * 2, delta=privacy.delta) + 1e-6
    work = make_work(privacy=make_privacy(target_epsilon=promised), rounds=4)
    for number in (2, 3):
        assert tiny.run(make_tiny_task(round_number=number, work=work)).status == "completed"
    spent = tiny.spent()
    tiny.change(workbench=never_read)
    report = tiny.run(make_tiny_task(round_number=4, work=work))
    assert (report.status, report.error) == ("refused", "policy")
    assert tiny.spent() == spent


def test_notes_whose_last_audit_failed_are_not_trained_on(tiny):
    measures, workbench = tiny.site.store.measures, tiny.site.workbench
    failed = AuditVerdict(audited_at=AUDITED_AT, failed=("recall of NAME is at least 91.0% only",))
    measures.keep_verdict(failed)
    code, problem = refuse(tiny, make_tiny_task())
    assert code is ErrorCode.DEIDENTIFICATION
    assert "audit of 2026-11-27 failed: recall of NAME is at least 91.0% only" in problem
    measures.keep_verdict(AuditVerdict(audited_at=AUDITED_AT, failed=()))
    tiny.change(workbench=workbench)
    assert tiny.run(make_tiny_task()).status == "completed"


def test_an_older_global_model_is_refused(tiny):
    work = make_work(rounds=4)
    assert tiny.run(make_tiny_task(round_number=3, work=work)).status == "completed"
    spent = tiny.spent()
    tiny.change(workbench=never_read)
    answer = tiny.answer(make_tiny_task(round_number=2, work=work))
    assert tiny.open(answer.last).error == "signature"
    assert answer.problem == "round 2 after round 3: its global model is an older one"
    assert tiny.spent() == spent
    assert tiny.run(make_tiny_task(round_number=3, work=work)).status == "completed"


def test_a_round_refused_for_its_promise_may_be_asked_again_with_a_better_plan(tiny):
    build = tiny.site.workbench
    weak = make_work(privacy=make_privacy(target_epsilon=0.1))
    refuse(tiny, make_tiny_task(work=weak))
    tiny.change(workbench=build)
    assert tiny.run(make_tiny_task(plan_digest=OTHER_DIGEST)).status == "completed"
