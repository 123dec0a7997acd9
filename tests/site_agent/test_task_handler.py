"""A site prepares and trains as it is asked, and states what it does beforehand."""

from importlib import resources

import pytest
import yaml

from fedclinic.answers import Answer
from fedclinic.errors import ConfigError
from fedclinic.evidence.events import PolicyChanged, SelfTested
from fedclinic.evidence.rotation import rotations_between
from fedclinic.evidence.statement import open_record, sign, signed_by, statement_kind
from fedclinic.local_protocol import Counted, Progress
from fedclinic.plan import Layers
from fedclinic.rounds import REPORT_KIND, TASK_KIND, SiteReport
from site_agent.key_rotation import rotate_key
from site_agent.poll import only_agent_of
from site_agent.task_handler import TaskHandler
from tests.factories import (
    LABELS,
    make_round_task,
    make_signing_key,
    make_token_task,
    note_row,
    write_jsonl,
)
from tests.site_agent.desk import POLICIES, opened, prepare, prepared_by
from tests.tiny_site import COORDINATOR


def test_a_site_prepares_and_says_what_it_has(desk):
    prepared = prepared_by(desk.handler())
    assert prepared.deidentification.notes == 10  # of 12, rounded
    assert prepared.shapes["head.weight"] == (len(LABELS), 16)
    stages = {reply.stage for reply in desk.said if isinstance(reply, Progress)}
    assert stages == {"de-identify", "encode"}


def test_whether_any_patient_has_a_label_does_not_change_what_a_site_answers(desk):
    """A site with a rare label and one without it are told apart by nothing that leaves them."""
    desk.write(notes={"path": "notes.jsonl", "format": "jsonl", "fields": {"entities": "spans"}})
    task, told = prepare(task=make_token_task(("Disease", "Drug"))), []
    for label_of_one in ("Disease", "Drug"):
        labels = ["Disease"] * 11 + [label_of_one]
        spans = [[{"start": 0, "end": 4, "label": label}] for label in labels]
        write_jsonl(desk.notes, [note_row(n, spans=spans[n]) for n in range(12)])
        prepared = prepared_by(desk.handler(), task)
        told.append(prepared.model_dump(exclude={"deidentification": {"store"}}))
    assert told[0] == told[1]


def test_exact_counts_are_told_on_the_same_machine_only(desk):
    desk.handler().handle(prepare())
    counted = [reply for reply in desk.said if isinstance(reply, Counted)]
    assert counted == [Counted(notes=12, quarantined=0, patients=12)]


def test_a_site_trains_after_it_prepared_and_after_it_was_restarted(desk):
    first = desk.handler()
    first.handle(prepare())
    for number, handler in ((1, first), (2, desk.handler())):
        task = sign(make_round_task(round_number=number), TASK_KIND, COORDINATOR)
        report = opened(handler, task, REPORT_KIND, SiteReport)
        assert report.status == "completed"


def test_a_site_states_its_self_test_and_its_budget_before_its_report(desk):
    handler = desk.handler()
    handler.handle(prepare())
    task = sign(make_round_task(), TASK_KIND, COORDINATOR)
    answer = handler.handle(task)
    assert [statement_kind(statement) for statement in answer.statements] == [
        *POLICIES,
        "self-tested",
        "budget-reserved",
        "budget-use-begun",
        "budget-committed",
        REPORT_KIND,
    ]
    key = handler.site.key.public
    tested = open_record(
        answer.statements[len(POLICIES)], {key.key_id: key}, "self-tested", SelfTested
    )
    assert tested.verdict == "pass"
    assert "noise, nobody" in tested.checks
    assert desk.handler().handle(task) == answer


def test_a_policy_that_changed_is_stated_before_the_work_that_is_done_under_it(desk):
    handler = desk.handler()
    first = policies_in(handler, handler.handle(prepare()))
    assert {change.number for change in first.values()} == {1}
    stricter = yaml.safe_load(installed_policy_text("privacy.yaml")) | {"min_noise_multiplier": 0.4}
    (desk.root / "ours.yaml").write_text(yaml.safe_dump(stricter))
    desk.write(privacy_policy="ours.yaml")
    handler = desk.handler()
    answer = handler.handle(sign(make_round_task(), TASK_KIND, COORDINATOR))
    changed = policies_in(handler, answer)
    assert changed["privacy"].number == 2
    assert changed["privacy"].before == first["privacy"].after
    assert changed["auditing"] == first["auditing"]
    key = handler.site.key.public
    report = open_record(answer.last, {key.key_id: key}, REPORT_KIND, SiteReport)
    assert report.policies == {name: change.after for name, change in changed.items()}


def policies_in(handler: TaskHandler, answer: Answer) -> dict[str, PolicyChanged]:
    key = handler.site.key.public
    changes = [
        open_record(said, {key.key_id: key}, "policy-changed", PolicyChanged)
        for said in answer.statements
        if statement_kind(said) == "policy-changed"
    ]
    assert {change.actor for change in changes} == {handler.site.config.site}
    return {change.document: change for change in changes}


def installed_policy_text(name: str) -> str:
    return resources.files("policies").joinpath(name).read_text(encoding="utf-8")


def test_a_site_says_with_which_keys_it_went_on_until_the_one_in_force(desk):
    handler = desk.handler()
    first = handler.site.key.public
    for _ in range(2):
        rotate_key(desk.home, "north", handler.site.disclosure_policy, print)
    handler = desk.handler()
    answer = handler.handle(prepare())
    last = handler.site.key.public
    assert len(rotations_between("north", first, last, answer.statements)) == 2
    assert rotations_between("south", first, last, answer.statements) == ()
    assert rotations_between("north", make_signing_key(9).public, last, answer.statements) == ()
    assert len(answer.statements) == 2 + len(POLICIES) + 2


def test_a_round_that_is_asked_for_again_is_answered_under_the_key_in_force(desk):
    handler = desk.handler()
    handler.handle(prepare())
    task = sign(make_round_task(), TASK_KIND, COORDINATOR)
    first = handler.handle(task)
    rotate_key(desk.home, "north", handler.site.disclosure_policy, print)
    handler = desk.handler()
    again = handler.handle(task)
    key = handler.site.key.public
    assert all(signed_by(said, {key.key_id: key}) for said in again.statements)
    assert [said.payload for said in again.statements] == [s.payload for s in first.statements]


def test_a_key_is_not_changed_under_an_agent(desk):
    handler = desk.handler()
    with only_agent_of(desk.home), pytest.raises(ConfigError, match="another agent"):
        rotate_key(desk.home, "north", handler.site.disclosure_policy, print)


def test_the_embedded_policies_give_every_cohort_its_budget(desk):
    handler = desk.handler()
    handler.handle(prepare())
    (budget,) = handler.site.ledger.budgets()
    policy = handler.site.privacy_policy
    assert (budget.cap_epsilon, budget.delta) == (policy.epsilon, policy.delta)
    assert budget.year_cap_epsilon == policy.yearly_epsilon


def test_the_workbench_of_the_last_plan_is_kept_and_another_plan_gets_its_own(desk):
    handler = desk.handler()
    handler.handle(prepare())
    first = next(iter(handler.bench.values()))
    handler.handle(prepare())
    assert next(iter(handler.bench.values())) is first
    handler.handle(prepare(layers=Layers(top=2)))
    assert next(iter(handler.bench.values())) is not first


def test_notes_that_arrive_between_two_preparations_are_trained_on(desk):
    handler = desk.handler()
    handler.handle(prepare())
    write_jsonl(desk.notes, [note_row(n) for n in range(20)])
    assert prepared_by(handler).deidentification.notes == 20
    (bench,) = handler.bench.values()
    assert bench.notes.notes == 20
