"""A round at a site: what is refused before a note is read, and what one round leaves behind."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Never

import numpy as np
import pytest

from fedclinic.answers import Answer
from fedclinic.errors import DataError, ErrorCode, SignatureError
from fedclinic.evidence.events import BudgetCommitted
from fedclinic.evidence.statement import Envelope, open_record, sign, statement_kind
from fedclinic.methods.method import zeros
from fedclinic.plan import BaseModelRef, Layers, Optimizer
from fedclinic.privacy.accounting import epsilon
from fedclinic.privacy.audit_coordinates import Coordinates
from fedclinic.rounds import TASK_KIND, RoundTask
from fedclinic.updates.admission import check_report
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.codec import UpdateFile, encode
from site_agent.agent import run_round
from site_agent.audit_secrets import AuditSecrets
from site_agent.deid_measures import AuditVerdict
from site_agent.egress import REPORT_KIND
from site_agent.ledger_file import LedgerFile
from site_agent.ledger_view import print_ledger
from site_agent.outbox import Outbox
from site_agent.workbench import Workbench
from tests.factories import (
    OTHER_DIGEST,
    make_plan,
    make_privacy,
    make_signing_key,
    make_unprotected,
    make_work,
    random_tensors,
)
from tests.fakes import FakeProgress, installed_auditing_policy
from tests.tiny_site import (
    COORDINATOR,
    TinySite,
    installed_privacy_policy,
    make_tiny_site,
    make_tiny_task,
)

AUDITED_AT = datetime(2026, 11, 27, tzinfo=UTC)
UNPROTECTED = make_work(make_plan(privacy=make_unprotected().model_dump()))


@pytest.fixture
def tiny(tmp_path: Path, tiny_model_folder: Path) -> TinySite:
    return make_tiny_site(tmp_path, tiny_model_folder)


def update_of(tiny: TinySite, digest: str, work: Any = None) -> dict[str, np.ndarray]:
    bench = tiny.site.workbench(make_tiny_task(work=work or make_work()))
    path = tiny.site.blobs.find(digest)
    with UpdateFile(path, bench.model.shapes(), "F32") as file:
        return dict(file)


def kinds_of(answer: Answer) -> list[str]:
    return [statement_kind(statement) for statement in answer.statements]


ALL_STATEMENTS = [
    "self-tested",
    "budget-reserved",
    "budget-use-begun",
    "budget-committed",
    REPORT_KIND,
]


# --- a round that is carried out


def test_a_completed_round_answers_its_task_and_delivers_the_update_it_names(tiny):
    task = make_tiny_task()
    report = tiny.run(task)
    check_report(report, task, used_nonces=())
    assert report.status == "completed"
    assert report.update is not None
    update = update_of(tiny, report.update.blob)
    norm = np.sqrt(sum(float(np.square(v, dtype=float).sum()) for v in update.values()))
    assert report.update.norm == pytest.approx(norm, rel=1e-6)
    assert report.update.parameters == sum(values.size for values in update.values())
    assert report.update.bytes == tiny.site.blobs.find(report.update.blob).stat().st_size


def test_a_report_states_the_privacy_that_the_accountant_computes(tiny):
    mechanism = make_privacy().mechanism()
    for number in (1, 2):
        report = tiny.run(make_tiny_task(round_number=number))
        assert report.privacy is not None
        assert report.privacy.rounds == number
        assert report.privacy.epsilon == pytest.approx(epsilon([mechanism] * number, delta=1e-5))


def test_a_report_witnesses_the_ledger_and_states_the_budget_left(tiny):
    report = tiny.run(make_tiny_task())
    head = tiny.site.ledger.head()
    assert report.ledger == head
    assert report.budget == tiny.site.ledger.tightest_budget()
    assert report.budget.spent_epsilon > 0


def test_a_round_starts_from_the_global_model_that_its_task_names(tiny):
    first = tiny.run(make_tiny_task())
    assert first.update is not None
    shapes = {name: v.shape for name, v in update_of(tiny, first.update.blob).items()}
    change = random_tensors(shapes, scale=0.1)
    state, _ = tiny.site.blobs.put([encode(change, "F32")])
    benches: list[Workbench] = []

    def workbench(task: RoundTask) -> Workbench:
        benches.append(build(task))
        return benches[-1]

    build = tiny.site.workbench
    tiny.change(workbench=workbench)
    second = tiny.run(make_tiny_task(round_number=2, state=state))
    assert second.update is not None
    (bench,) = benches
    added = update_of(tiny, second.update.blob)
    for name, parameter in bench.model.trained():
        expected = bench.initial[name].numpy() + change[name] + added[name]
        assert np.allclose(parameter.detach().numpy(), expected, atol=1e-5)


def test_every_round_starts_from_its_own_task_and_not_from_the_last_round(tiny):
    bench = tiny.site.workbench(make_tiny_task())
    tiny.change(workbench=lambda task: bench)
    state, _ = tiny.site.blobs.put([encode(zeros(bench.model.shapes()), "F32")])
    first = tiny.run(make_tiny_task())
    second = tiny.run(make_tiny_task(round_number=2, state=state))
    assert first.update is not None
    assert second.update is not None
    assert first.update.blob == second.update.blob  # equal noise key, equal start


def test_each_round_draws_a_noise_key_of_its_own(tiny):
    drawn: list[bytes] = []

    def noise_key() -> bytes:
        drawn.append(bytes([len(drawn)]) * 32)
        return drawn[-1]

    tiny.change(noise_key=noise_key)
    blobs = set()
    for number in (1, 2):
        report = tiny.run(make_tiny_task(round_number=number))
        assert report.update is not None
        blobs.add(report.update.blob)
    assert len(drawn) == len(blobs) == 2


def test_an_update_travels_in_the_plans_number_format(tiny):
    wide = tiny.run(make_tiny_task(work=make_work(dtype="F32"))).update
    narrow = tiny.run(make_tiny_task(round_number=2, work=make_work(dtype="BF16"))).update
    assert wide is not None
    assert narrow is not None
    assert narrow.bytes < 0.7 * wide.bytes


# --- refusals, before a note is read


def never_read(task: RoundTask) -> Never:
    raise AssertionError("notes were read")


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


# --- failures


def test_a_state_that_is_not_there_fails_and_its_round_can_be_repeated(tiny):
    report = tiny.run(make_tiny_task(state=OTHER_DIGEST))
    assert (report.status, report.error) == ("failed", "data")
    spent = tiny.spent()
    assert tiny.run(make_tiny_task()).status == "completed"
    assert tiny.spent() == spent


def test_a_state_with_other_bytes_than_its_digest_is_refused(tiny):
    bench = tiny.site.workbench(make_tiny_task())
    state, _ = tiny.site.blobs.put([encode(zeros(bench.model.shapes()), "F32")])
    path = tiny.site.blobs.find(state)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    report = tiny.run(make_tiny_task(state=state))
    assert (report.status, report.error) == ("refused", "signature")


def test_a_state_of_other_layers_fails(tiny):
    state, _ = tiny.site.blobs.put([encode({"x": np.zeros(3, dtype=np.float32)}, "F32")])
    report = tiny.run(make_tiny_task(state=state))
    assert (report.status, report.error) == ("failed", "admission")


def test_an_update_that_the_coordinator_would_not_admit_never_leaves(tiny):
    report = tiny.run(make_tiny_task(work=make_work(max_update_norm=1e-6)))
    assert (report.status, report.error) == ("failed", "admission")
    assert report.update is None
    assert not tiny.site.blobs.root.exists()


def test_training_that_runs_away_is_a_failure_and_not_a_crash(tiny):
    work = make_work(
        optimizer=Optimizer(name="sgd", learning_rate=1e38),
        privacy=make_privacy(expected_patients=1e-3),
    )
    report = tiny.run(make_tiny_task(work=work))
    assert (report.status, report.error) == ("failed", "training")


def test_a_store_whose_notes_were_altered_is_a_failure(tiny):
    def broken(task: RoundTask) -> Never:
        raise DataError("a stored note was altered; run prepare again")

    tiny.change(workbench=broken)
    answer = tiny.answer(make_tiny_task())
    assert tiny.open(answer.last).error == "data"
    assert answer.problem == "a stored note was altered; run prepare again"
    assert kinds_of(answer) == ["self-tested", "budget-reserved", "budget-use-begun", REPORT_KIND]


# --- once, and once only


def test_the_same_task_twice_gives_the_same_report_and_charges_once(tiny):
    task = make_tiny_task()
    first, spent = tiny.answer(task), tiny.spent()
    tiny.change(workbench=never_read)
    assert tiny.answer(task) == first
    assert tiny.spent() == spent
    assert len(tiny.site.ledger.spent_mechanisms("run-a")) == 1


def test_a_finished_round_is_answered_after_its_deadline_too(tiny):
    task = make_tiny_task(deadline=tiny.clock.now + 60)
    first = tiny.answer(task)
    tiny.clock.now += 3600
    assert tiny.answer(task) == first


def test_a_finished_round_is_never_trained_again_for_another_task(tiny):
    """Another nonce asks for the same round: there is one result of a round, ever."""
    first = tiny.run(make_tiny_task())
    tiny.change(workbench=never_read)
    again = tiny.run(make_tiny_task(nonce="1" * 32))
    assert again == first


def test_a_round_that_stopped_in_the_middle_is_repeated_under_the_same_hold(tiny):
    def stop(task: RoundTask) -> Never:
        raise KeyboardInterrupt

    build = tiny.site.workbench
    tiny.change(workbench=stop)
    with pytest.raises(KeyboardInterrupt):
        tiny.answer(make_tiny_task())
    spent = tiny.spent()
    assert spent > 0
    tiny.change(workbench=build)
    report = tiny.run(make_tiny_task())
    assert report.status == "completed"
    assert report.privacy is not None
    assert report.privacy.rounds == 1
    assert tiny.spent() == spent
    assert len(tiny.site.ledger.spent_mechanisms("run-a")) == 1


def test_the_budget_is_in_use_before_notes_are_read(tiny):
    seen: list[float] = []
    build = tiny.site.workbench

    def look(task: RoundTask) -> Workbench:
        other = LedgerFile.open(tiny.home.ledger, site="north", clock=tiny.clock)
        seen.append(len(other.spent_mechanisms("run-a")))
        other.close()
        return build(task)

    tiny.change(workbench=look)
    tiny.run(make_tiny_task())
    assert seen == [1]


def test_the_report_is_kept_before_anything_is_delivered(tiny, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.touch()
    blobs = tiny.site.blobs
    tiny.change(blobs=BlobFolder(blocked))
    with pytest.raises(OSError, match="blocked"):
        tiny.answer(make_tiny_task())
    spent = tiny.spent()
    assert list(tiny.home.outbox.glob("*.json"))
    tiny.change(blobs=blobs, workbench=never_read)
    report = tiny.run(make_tiny_task())
    assert report.update is not None
    assert tiny.site.blobs.find(report.update.blob).is_file()
    assert tiny.spent() == spent


class LedgerThatStops:
    """The real ledger, except that the process ends at the moment of the charge."""

    def __init__(self, ledger: LedgerFile) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def commit(self, hold: str) -> Never:
        raise KeyboardInterrupt


def test_a_site_that_stops_before_the_charge_still_has_one_result_and_one_charge(tiny):
    ledger = tiny.site.ledger
    tiny.change(ledger=LedgerThatStops(ledger))
    with pytest.raises(KeyboardInterrupt):
        tiny.answer(make_tiny_task())
    tiny.change(ledger=ledger, workbench=never_read)
    spent = tiny.spent()
    assert spent > 0
    answer = tiny.answer(make_tiny_task())
    assert tiny.open(answer.last).status == "completed"
    assert tiny.spent() == spent
    assert kinds_of(answer) == ALL_STATEMENTS


class OutboxThatStops(Outbox):
    """The real outbox, except that the process ends before a statement is kept."""

    def state(self, task: RoundTask, statement: Envelope) -> Never:
        raise KeyboardInterrupt


def test_a_site_that_stops_before_it_states_anything_states_it_later(tiny):
    outbox = tiny.site.outbox
    tiny.change(outbox=OutboxThatStops(outbox.folder))
    with pytest.raises(KeyboardInterrupt):
        tiny.answer(make_tiny_task())
    assert tiny.spent() > 0
    tiny.change(outbox=outbox)
    assert kinds_of(tiny.answer(make_tiny_task())) == ALL_STATEMENTS


def test_budget_statements_name_the_ledgers_own_entries(tiny):
    answer = tiny.answer(make_tiny_task())
    key = tiny.site.key.public
    committed = open_record(
        answer.statements[3], {key.key_id: key}, "budget-committed", BudgetCommitted
    )
    assert committed.mechanism == make_privacy().mechanism()
    assert committed.ledger == tiny.site.ledger.head() == tiny.open(answer.last).ledger
    assert committed.at % 60 == 0


# --- the audit head


def test_every_private_round_trains_canaries_and_says_where_their_coordinates_are(tiny):
    coordinates = []
    for number in (1, 2):
        report = tiny.run(make_tiny_task(round_number=number))
        assert report.audit is not None
        assert report.audit.canaries == tiny.site.auditing.policy.canaries
        content = tiny.site.blobs.find(report.audit.coordinates).read_bytes()
        coordinates.append(Coordinates.of_bytes(content, steps=3, canaries=20))
    joined = coordinates[0].then(coordinates[1])
    assert joined.signal.shape == (6, 20)


def test_canaries_are_in_no_update_and_in_no_count(tiny, tmp_path, tiny_model_folder):
    off = make_tiny_site(
        tmp_path / "off",
        tiny_model_folder,
        auditing=installed_auditing_policy(audit_head=False, planted=0),
    )
    audited, plain = tiny.run(make_tiny_task()), off.run(make_tiny_task())
    assert audited.update is not None
    assert plain.update is not None
    assert audited.update.parameters == plain.update.parameters
    assert audited.update.bytes == plain.update.bytes
    assert audited.budget == plain.budget
    assert audited.privacy == plain.privacy
    assert audited.deidentification is not None
    assert plain.deidentification is not None
    counts = [each.deidentification.model_dump(exclude={"store"}) for each in (audited, plain)]
    assert counts[0] == counts[1]
    assert tiny.spent() == off.spent()


def test_only_the_auditing_policy_switches_the_audit_head_off_and_the_report_tells(tiny):
    assert tiny.site.auditing.policy.audit_head
    off = installed_auditing_policy(audit_head=False)
    tiny.change(auditing=replace(tiny.site.auditing, policy=off))
    assert tiny.run(make_tiny_task()).audit is None


def test_a_run_has_one_set_of_coins_and_another_run_others(tiny):
    entropy = iter(range(1, 100))
    secrets = AuditSecrets(tiny.home.audits, lambda: bytes([next(entropy)]) * 32)
    tiny.change(auditing=replace(tiny.site.auditing, secrets=secrets))
    for number in (1, 2):
        tiny.run(make_tiny_task(round_number=number))
    tiny.run(make_tiny_task(run="run-b"))
    kept = sorted(path.name for path in tiny.home.audits.iterdir())
    assert kept == ["run-a.json", "run-b.json"]
    one, other = (secrets.find(run) for run in ("run-a", "run-b"))
    assert one.commitment() != other.commitment()


def test_an_unprotected_round_has_nothing_to_audit(tiny):
    tiny.allow(unprotected=True)
    assert tiny.run(make_tiny_task(work=UNPROTECTED)).audit is None


def test_the_ledgers_history_names_run_plan_and_who_signed_the_task(tiny, capsys):
    tiny.run(make_tiny_task())
    print_ledger(tiny.site.ledger)
    (reserved,) = [event for _, event in tiny.site.ledger.history() if event.event == "reserved"]
    assert reserved.approved_by == f"coordinator {COORDINATOR.key_id}"
    shown = "".join(capsys.readouterr().out.split())
    plan, key = reserved.plan_digest[7:19], COORDINATOR.key_id[:8]
    assert f"round1ofrun-a,plan{plan},approvedbycoordinator{key}" in shown


def test_another_engine_of_gradients_gives_the_same_update(tiny, tmp_path, tiny_model_folder):
    other = make_tiny_site(tmp_path / "other", tiny_model_folder)
    build = other.site.workbench
    other.change(workbench=lambda task: replace(build(task), engine="opacus_hooks"))
    digests = [site.run(make_tiny_task()).update for site in (tiny, other)]
    assert all(digests)
    ours, theirs = (
        update_of(site, update.blob)
        for site, update in zip((tiny, other), digests, strict=True)
        if update is not None
    )
    for name, values in ours.items():
        assert np.allclose(values, theirs[name], atol=1e-5), name
