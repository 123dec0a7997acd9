"""A site prepares, trains and evaluates as it is asked, and explains itself in one line."""

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from fedclinic.answers import Answer
from fedclinic.errors import (
    ConfigError,
    DataError,
    DeidentificationError,
    FedclinicError,
    LedgerError,
    ModelError,
    PolicyError,
    SignatureError,
)
from fedclinic.evidence.events import (
    AuditCommitted,
    AuditJudged,
    PlantedScored,
    PolicyChanged,
    SelfTested,
)
from fedclinic.evidence.rotation import rotations_between
from fedclinic.evidence.statement import (
    Envelope,
    open_record,
    sign,
    signed_by,
    statement_kind,
)
from fedclinic.local_protocol import Counted, Progress, Reply
from fedclinic.methods.method import zeros
from fedclinic.plan import BaseModelRef, Layers
from fedclinic.privacy.audit_messages import CoinCommitment, LoggedGuesses
from fedclinic.privacy.commit_reveal import coins_of, commit, guess
from fedclinic.rounds import (
    DECLINED_KIND,
    EVALUATED_KIND,
    EVALUATION_KIND,
    PREPARE_KIND,
    PREPARED_KIND,
    REPORT_KIND,
    REVEAL_KIND,
    REVEALED_KIND,
    TASK_KIND,
    AuditRevealed,
    EvaluationReport,
    LedgerHead,
    RevealTask,
    SitePrepared,
    SiteReport,
    TaskDeclined,
)
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.codec import encode
from site_agent.deid_measures import AuditVerdict
from site_agent.key_rotation import rotate_key
from site_agent.opening import open_site
from site_agent.poll import only_agent_of
from site_agent.site_home import SiteHome
from site_agent.task_handler import TaskHandler
from tests.factories import (
    DIGEST,
    FAR_FUTURE,
    LABELS,
    make_evaluation_task,
    make_learning_task,
    make_plan,
    make_prepare_task,
    make_round_task,
    make_signing_key,
    make_work,
    note_row,
    site_values,
    write_jsonl,
)
from tests.tiny_models import BLOCKS
from tests.tiny_site import COORDINATOR, public_text

TASK = make_learning_task()
POLICIES = ["policy-changed"] * 4


@dataclass
class Desk:
    """A site's files on disk, and what its process said."""

    root: Path
    model_folder: Path
    said: list[Reply] = field(default_factory=list)

    @property
    def home(self) -> SiteHome:
        return SiteHome(self.root / "home")

    @property
    def notes(self) -> Path:
        return self.root / "notes.jsonl"

    def write(self, **changes: Any) -> Path:
        values = site_values(Path("notes.jsonl"))
        values["permissions"] |= {
            "coordinators": [public_text(COORDINATOR)],
            "models": {"tiny": str(self.model_folder)},
            **changes.pop("permissions", {}),
        }
        path = self.root / "site.yaml"
        path.write_text(yaml.safe_dump(values | changes), encoding="utf-8")
        return path

    def handler(self) -> TaskHandler:
        site = open_site(self.root / "site.yaml", self.home, {})
        return TaskHandler(site, BlobFolder(self.root / "blobs"), self.said.append, time.time)


@pytest.fixture
def desk(tmp_path: Path, tiny_model_folder: Path) -> Desk:
    desk = Desk(tmp_path, tiny_model_folder)
    write_jsonl(desk.notes, [note_row(n) for n in range(12)])
    desk.write()
    return desk


def prepare(**changes: Any) -> Envelope:
    return sign(make_prepare_task(**changes), PREPARE_KIND, COORDINATOR)


def evaluation(**changes: Any) -> Envelope:
    return sign(make_evaluation_task(**changes), EVALUATION_KIND, COORDINATOR)


def prepared_by(handler: TaskHandler, task: Envelope | None = None) -> SitePrepared:
    return opened(handler, task or prepare(), PREPARED_KIND, SitePrepared)


def measured_by(handler: TaskHandler, task: Envelope) -> EvaluationReport:
    return opened(handler, task, EVALUATED_KIND, EvaluationReport)


def opened(handler: TaskHandler, task: Envelope, kind: str, record: type[Any]) -> Any:
    """What a site answers to a task that it must not decline."""
    answer = handler.handle(task)
    assert answer.problem == ""
    key = handler.site.key.public
    return open_record(answer.last, {key.key_id: key}, kind, record)


def test_a_site_prepares_and_says_what_it_has(desk):
    prepared = prepared_by(desk.handler())
    assert prepared.deidentification.notes == 10  # of 12, rounded
    assert prepared.shapes["head.weight"] == (len(LABELS), 16)
    stages = {reply.stage for reply in desk.said if isinstance(reply, Progress)}
    assert stages == {"de-identify", "encode"}


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


def test_metrics_leave_only_where_the_site_allows_it(desk):
    handler = desk.handler()
    handler.handle(prepare())
    assert "lets no metrics out" in problem_of(desk, evaluation(), PolicyError)


def test_a_public_sites_notes_measure_any_state(desk):
    desk.write(permissions={"unprotected": True, "evaluation": True})
    write_jsonl(desk.notes, [note_row(n, label=LABELS[n % 4 // 3]) for n in range(12)])
    handler = desk.handler()
    prepared = prepared_by(handler)
    change = zeros(prepared.shapes)
    change["head.bias"] = np.array([0, 1, 0], dtype=np.float32)
    state, _ = handler.blobs.put([encode(change, "F32")])
    base = measured_by(handler, evaluation())
    later = measured_by(handler, evaluation(round_number=1, state=state))
    assert base.notes == 12
    assert base.metrics["accuracy"] == pytest.approx(3 / 4)
    assert later.metrics["accuracy"] == pytest.approx(1 / 4)
    assert measured_by(handler, evaluation()) == base


def test_quality_is_told_by_group_with_intervals_and_small_groups_are_withheld(desk):
    rows = [note_row(n, hospital="north" if n < 30 else "south") for n in range(34)]
    write_jsonl(desk.notes, rows)
    source = {"path": "notes.jsonl", "format": "jsonl"}
    fields = {"label": "label", "group": "hospital"}
    desk.write(
        permissions={"unprotected": True, "evaluation": True}, notes=source | {"fields": fields}
    )
    handler = desk.handler()
    handler.handle(prepare())
    report = measured_by(handler, evaluation(groups=("north", "south", "east")))
    north, south, east = report.groups
    assert north.notes == 30
    assert south == east.model_copy(update={"name": "south"})
    assert (east.notes, east.metrics) == (None, {})
    for each in (report, north):
        assert each.lower.keys() == each.upper.keys() >= {"accuracy"}
        assert each.lower["accuracy"] <= each.metrics["accuracy"] <= each.upper["accuracy"]
    assert measured_by(handler, evaluation()).groups == ()


def test_measuring_does_not_change_what_a_round_starts_from(desk):
    desk.write(permissions={"unprotected": True, "evaluation": True})

    def change_after(*tasks: Envelope) -> Any:
        handler = desk.handler()
        prepared_by(handler)
        for task in tasks:
            measured_by(handler, task)
        (bench,) = handler.bench.values()
        bench.reset(None)
        return {name: p.detach().clone() for name, p in bench.model.trained()}

    plain = change_after()
    measured = change_after(evaluation())
    assert all((plain[name] == measured[name]).all() for name in plain)


# --- bad input: one line, and nothing half-written


def test_a_task_for_another_site_or_too_late_is_refused(desk):
    for changes, reason in (
        ({"site": "south"}, "the task is for site south, and this is north"),
        ({"deadline": 1.0}, "the task's deadline has passed"),
    ):
        assert problem_of(desk, prepare(**changes), SignatureError) == reason


def test_a_restored_ledger_is_noticed_by_the_head_that_the_coordinator_witnessed(desk):
    handler = desk.handler()
    prepared_by(handler)
    head = handler.site.ledger.head()
    prepared_by(handler, prepare(witness=head))
    later = LedgerHead(sequence=head.sequence + 2, hash="f" * 64)
    assert "it is an older copy" in problem_of(desk, prepare(witness=later), LedgerError)


def test_a_site_whose_last_audit_failed_prepares_nothing(desk):
    verdict = AuditVerdict(audited_at=datetime(2026, 11, 27, tzinfo=UTC), failed=("names leak",))
    desk.handler().site.store.measures.keep_verdict(verdict)
    problem = problem_of(desk, prepare(), DeidentificationError)
    assert problem.startswith("the de-identification audit of 2026-11-27 failed: names leak;")
    assert desk.handler().site.ledger.budgets() == []


def test_a_stranger_and_a_kind_that_nobody_knows_get_no_answer(desk):
    handler = desk.handler()
    with pytest.raises(SignatureError, match="0 of 1 trusted signatures"):
        handler.handle(sign(make_prepare_task(), PREPARE_KIND, make_signing_key(9)))
    with pytest.raises(SignatureError, match="knows no task of kind 'run-this'"):
        handler.handle(sign(make_prepare_task(), "run-this", COORDINATOR))


def problem_of(desk: Desk, task: Envelope, kind: type[FedclinicError]) -> str:
    """The one line in which a task is declined, and the word for it that leaves the site."""
    handler = desk.handler()
    answer = handler.handle(task)
    key = handler.site.key.public
    declined = open_record(answer.last, {key.key_id: key}, DECLINED_KIND, TaskDeclined)
    assert declined.error == kind.code
    assert "\n" not in answer.problem
    return answer.problem


def stored_notes(desk: Desk) -> int:
    return desk.handler().site.store.measures.counts().notes


def test_missing_notes_are_named(desk):
    desk.notes.unlink()
    assert str(desk.notes) in problem_of(desk, prepare(), DataError)


def test_a_site_with_fewer_patients_than_it_asks_for_takes_no_part(desk):
    desk.write(min_patients=13)
    message = problem_of(desk, prepare(), DataError)
    assert message == "site north has 12 patients and min_patients is 13: it cannot take part"
    assert stored_notes(desk) == 0


def test_a_label_outside_the_plan_stops_before_anything_is_stored(desk):
    write_jsonl(desk.notes, [note_row(n) for n in range(5)] + [note_row(5, label="surgery")])
    assert "notes.jsonl:6: 'label' holds a label" in problem_of(desk, prepare(), DataError)
    assert stored_notes(desk) == 0


def test_a_plan_with_more_blocks_than_the_model_stops_before_anything_is_stored(desk):
    message = problem_of(desk, prepare(layers=Layers(top=BLOCKS + 1)), ModelError)
    assert f"the plan trains {BLOCKS + 1} blocks, and the model has {BLOCKS}" in message
    assert stored_notes(desk) == 0


def test_a_folder_that_is_no_model_stops_before_anything_is_stored(desk):
    desk.write(permissions={"models": {"tiny": "nowhere"}})
    message = problem_of(desk, prepare(), ModelError)
    assert message.startswith(f"{desk.root / 'nowhere'} is not a model folder")
    assert stored_notes(desk) == 0


def test_a_model_that_the_site_does_not_have_is_named_with_those_it_has(desk):
    message = problem_of(desk, prepare(base_model=BaseModelRef(name="other")), ModelError)
    assert message == "the plan asks for model 'other'; this site allows tiny"


OPENING_MISTAKES = {
    "unknown field": ({"min_patient": 3}, r"site\.yaml:\d+: unknown field 'min_patient'; did you"),
    "no site policy": ({"privacy_policy": "none.yaml"}, "cannot read policy .*none.yaml"),
    "no deidentification policy": (
        {"deidentification": {"mode": "safe_harbor", "profile": "fast", "policy": "none.yaml"}},
        "cannot read policy .*none.yaml",
    ),
    "policy that is no policy": (
        {"privacy_policy": "site.yaml"},
        r"site\.yaml:\d+: unknown field 'deidentification'; allowed: delta",
    ),
    "deidentification policy that is none": (
        {"deidentification": {"mode": "safe_harbor", "profile": "fast", "policy": "site.yaml"}},
        r"site\.yaml:\d+: ",
    ),
    "policy that is not UTF-8": ({"privacy_policy": "latin.yaml"}, "latin.yaml: not UTF-8"),
    "wrong mode": (
        {"deidentification": {"mode": "none", "profile": "fast"}},
        r"deidentification\.mode: input should be 'safe_harbor'",
    ),
}


@pytest.mark.parametrize("mistake", OPENING_MISTAKES)
def test_a_mistake_in_the_configuration_opens_nothing(desk, mistake):
    changes, reason = OPENING_MISTAKES[mistake]
    (desk.root / "latin.yaml").write_bytes("größe: 1".encode("latin-1"))
    desk.write(**changes)
    with pytest.raises(ConfigError, match=reason) as caught:
        desk.handler()
    assert "\n" not in str(caught.value)
    assert not desk.home.root.exists()


def test_a_configuration_that_is_not_there_is_named(desk):
    with pytest.raises(ConfigError, match=r"no site configuration at .*absent\.yaml"):
        open_site(desk.root / "absent.yaml", desk.home, {})


def test_relative_paths_are_relative_to_the_configuration(desk, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (desk.root / "model").symlink_to(desk.model_folder)
    desk.write(permissions={"models": {"tiny": "model"}})
    prepared_by(desk.handler())


def test_another_sites_ledger_is_refused(desk):
    desk.handler().handle(prepare())
    desk.write(site="south")
    with pytest.raises(FedclinicError, match="is the ledger of north, not of south"):
        desk.handler()


def test_the_plan_of_a_check_may_name_what_the_site_lacks_and_is_told(desk, capsys):
    from site_agent.check import check_site  # noqa: PLC0415

    plan = desk.root / "federation.yaml"
    plan.write_text(json.dumps(make_plan().model_dump(mode="json")), encoding="utf-8")
    check_site(open_site(desk.root / "site.yaml", desk.home, {}), plan)
    assert "12 notes of 12 patients" in capsys.readouterr().out
    plan.write_text(
        json.dumps(make_plan(layers={"top": BLOCKS + 1}).model_dump(mode="json")), encoding="utf-8"
    )
    with pytest.raises(ModelError, match="and the model has"):
        check_site(open_site(desk.root / "site.yaml", desk.home, {}), plan)


# --- the audit of a run


def reveal_task(**changes: Any) -> Envelope:
    values: dict[str, Any] = {
        "run": "run-a",
        "site": "north",
        "plan_digest": DIGEST,
        "work": make_work(),
        "state": None,
        "coordinates": (),
        "guessed": None,
        "nonce": "0" * 32,
        "deadline": FAR_FUTURE,
    }
    return sign(RevealTask.model_validate(values | changes), REVEAL_KIND, COORDINATOR)


def statement_of(handler: TaskHandler, answer: Answer, kind: str, record: type[Any]) -> Any:
    key = handler.site.key.public
    (found,) = [each for each in answer.statements if statement_kind(each) == kind]
    return open_record(found, {key.key_id: key}, kind, record)


def trained(handler: TaskHandler) -> tuple[CoinCommitment, list[SiteReport]]:
    """Two rounds of a run, and what the site was bound to before them."""
    answer = handler.handle(prepare())
    bound = statement_of(handler, answer, "audit-committed", AuditCommitted)
    tasks = [sign(make_round_task(round_number=n), TASK_KIND, COORDINATOR) for n in (1, 2)]
    return bound.committed, [opened(handler, task, REPORT_KIND, SiteReport) for task in tasks]


def guesses(count: int = 1000) -> LoggedGuesses:
    return guess(np.arange(count, dtype=float), 200)


def test_a_site_is_bound_to_its_coins_before_it_trains_and_again_to_the_same(desk):
    handler = desk.handler()
    answer = handler.handle(prepare())
    assert [statement_kind(said) for said in answer.statements] == [
        *POLICIES,
        "audit-committed",
        PREPARED_KIND,
    ]
    first = statement_of(handler, answer, "audit-committed", AuditCommitted)
    again = statement_of(
        handler, desk.handler().handle(prepare()), "audit-committed", AuditCommitted
    )
    assert first.committed == again.committed
    other = handler.handle(prepare(run="run-b"))
    assert (
        statement_of(handler, other, "audit-committed", AuditCommitted).committed != first.committed
    )


def test_at_the_end_of_a_run_a_site_judges_itself_scores_the_planted_and_tells_its_coins(desk):
    handler = desk.handler()
    committed, reports = trained(handler)
    coordinates = tuple(report.audit.coordinates for report in reports if report.audit)
    answer = handler.handle(reveal_task(coordinates=coordinates, guessed=guesses()))
    assert answer.problem == ""
    judged = statement_of(handler, answer, "audit-judged", AuditJudged)
    assert judged.verdict in ("pass", "warn")
    assert judged.numbers["steps"] == 6
    scored = statement_of(handler, answer, "planted-scored", PlantedScored)
    limits = handler.site.auditing_policy.memorisation
    assert len(scored.scores.members) == limits.planted
    assert len(scored.scores.others) == limits.unplanted
    told = statement_of(handler, answer, REVEALED_KIND, AuditRevealed)
    coins = coins_of(told.secret, committed.canaries)
    assert commit(coins, bytes.fromhex(told.secret.nonce)) == committed


def test_coins_are_told_for_the_first_guesses_only(desk):
    handler = desk.handler()
    _, reports = trained(handler)
    coordinates = tuple(report.audit.coordinates for report in reports if report.audit)
    first = reveal_task(coordinates=coordinates, guessed=guesses())
    assert handler.handle(first).problem == ""
    assert handler.handle(first).problem == ""
    flipped = guesses().model_copy(
        update={"included": guesses().excluded, "excluded": guesses().included}
    )
    other = reveal_task(coordinates=coordinates, guessed=flipped)
    assert "told for other guesses" in problem_of(desk, other, PolicyError)


def test_coins_are_not_told_about_coordinates_that_are_not_the_sites_own(desk):
    handler = desk.handler()
    trained(handler)
    strange = reveal_task(coordinates=("sha256:" + "3" * 64,), guessed=guesses())
    assert "is not in" in problem_of(desk, strange, DataError)


def test_a_run_that_the_site_knows_nothing_of_is_not_revealed(desk):
    assert "was not audited here" in problem_of(desk, reveal_task(run="run-z"), DataError)
