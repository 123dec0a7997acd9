"""A round at a site: what it trains from, what it leaves behind, and how it fails."""

from dataclasses import replace
from typing import Never

import numpy as np
import pytest

from fedclinic.errors import DataError
from fedclinic.evidence.events import BudgetCommitted
from fedclinic.evidence.statement import open_record
from fedclinic.methods.method import zeros
from fedclinic.plan import Optimizer
from fedclinic.privacy.accounting import epsilon
from fedclinic.rounds import RoundTask
from fedclinic.updates.admission import check_report
from fedclinic.updates.codec import encode
from site_agent.egress import REPORT_KIND
from site_agent.ledger_file import LedgerFile
from site_agent.ledger_view import print_ledger
from site_agent.workbench import Workbench
from tests.factories import OTHER_DIGEST, make_privacy, make_work, random_tensors
from tests.tiny_site import (
    COORDINATOR,
    kinds_of,
    make_tiny_site,
    make_tiny_task,
    update_of,
)


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


def test_budget_statements_name_the_ledgers_own_entries(tiny):
    answer = tiny.answer(make_tiny_task())
    key = tiny.site.key.public
    committed = open_record(
        answer.statements[3], {key.key_id: key}, "budget-committed", BudgetCommitted
    )
    assert committed.mechanism == make_privacy().mechanism()
    assert committed.ledger == tiny.site.ledger.head() == tiny.open(answer.last).ledger
    assert committed.at % 60 == 0


def test_the_ledgers_history_names_run_plan_and_who_signed_the_task(tiny, capsys):
    tiny.run(make_tiny_task())
    print_ledger(tiny.site.ledger)
    (reserved,) = [event for _, event in tiny.site.ledger.history() if event.event == "reserved"]
    assert reserved.approved_by == f"coordinator {COORDINATOR.key_id}"
    shown = "".join(capsys.readouterr().out.split())
    plan, key = reserved.plan_digest[7:19], COORDINATOR.key_id[:8]
    assert f"round1ofrun-a,plan{plan},approvedbycoordinator{key}" in shown


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
