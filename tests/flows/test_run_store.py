"""A run's folder holds whole files only, and a run goes on from them as it was."""

from pathlib import Path

import pytest

from fedclinic.errors import RunError
from fedclinic.evidence.statement import sign
from fedclinic.rounds import BudgetLeft, EvaluationReport, LedgerHead, UpdateManifest
from flows.round_table import least_budget_left, round_lines, round_rows
from flows.run_store import RoundRecord, RunHeader, RunStore, SiteOutcome, write_whole
from tests.factories import (
    DIGEST,
    make_plan,
    make_report,
    make_round_task,
    make_signing_key,
)

HEADER = RunHeader(run="run-a", title="Federation", plan=make_plan(), data="/notes")


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs" / "run-a")


def make_outcome(site: str, spent: float = 1.0, **changes: object) -> SiteOutcome:
    report = make_report(
        make_round_task(site=site),
        status="completed",
        error=None,
        update=UpdateManifest(blob=DIGEST, bytes=400, parameters=100, norm=2.0),
        privacy={"epsilon": spent, "delta": 1e-5, "rounds": 1},
        budget=BudgetLeft(spent_epsilon=spent, cap_epsilon=8.0, delta=1e-5),
        ledger=LedgerHead(sequence=4, hash="0" * 64),
    )
    values = {"site": site, "verdict": "admitted", "report": report}
    return SiteOutcome.model_validate(values | changes)


def make_record(number: int, *outcomes: SiteOutcome) -> RoundRecord:
    report = EvaluationReport(
        run="run-a",
        round_number=number,
        subject="global",
        notes=50,
        metrics={"accuracy": 0.5 + number / 100},
    )
    return RoundRecord(
        round_number=number,
        checkpoint=DIGEST,
        state_bytes=100,
        seconds=1.5,
        outcomes=outcomes,
        diagnostics=None,
        evaluations=(report,),
    )


def test_a_run_is_read_as_it_was_written(store):
    store.write_header(HEADER)
    records = [make_record(0), make_record(1, make_outcome("north"), make_outcome("south"))]
    for record in records:
        store.write_round(record)
    assert store.header() == HEADER
    assert store.rounds() == records


def test_a_run_that_does_not_exist_is_refused_with_those_that_do(store):
    store.write_header(HEADER)
    with pytest.raises(RunError, match=r"no run 'run-b' in .*; there are run-a"):
        RunStore(store.root.parent / "run-b").header()


def test_the_first_run_of_a_workspace_has_no_others_to_name(store):
    with pytest.raises(RunError, match=r"no run 'run-a' in [^;]*$"):
        store.header()


def test_rounds_come_in_order_and_a_new_run_has_none(store):
    assert store.rounds() == []
    for number in (10, 2, 0, 1, 101):
        store.write_round(make_record(number))
    assert [record.round_number for record in store.rounds()] == [0, 1, 2, 10, 101]


def test_a_task_that_was_signed_is_signed_once(store):
    envelope = sign(make_round_task(), "round-task", make_signing_key())
    assert store.task(1, "north") is None
    store.keep_task(1, "north", envelope)
    assert store.task(1, "north") == envelope
    assert store.task(1, "south") is None
    assert store.task(2, "north") is None


def test_a_write_that_stopped_leaves_what_was_there(store, tmp_path):
    path = tmp_path / "round.json"
    write_whole(path, b"first")
    (tmp_path / ".round.json.partial").write_bytes(b"half")
    assert path.read_bytes() == b"first"
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert [each.name for each in tmp_path.iterdir()] == ["round.json"]


def test_a_round_that_was_half_written_is_not_a_finished_round(store):
    store.write_round(make_record(0))
    (store.root / ".round-0001.json.partial").write_bytes(b"{")
    assert [record.round_number for record in store.rounds()] == [0]


# --- the table of rounds


def test_a_round_is_told_in_one_row():
    outcomes = (make_outcome("north", 1.25), make_outcome("south", 2.5, verdict="quarantined"))
    (row,) = round_rows([make_record(0), make_record(3, *outcomes)])
    assert row == {
        "round": "3",
        "admitted": "1 of 2",
        "accuracy": "0.530",
        "epsilon spent": "2.500",
        "budget left": "5.500",
        "bytes up": "800",
        "seconds": "1.5",
    }


def test_a_round_is_told_in_a_line_of_eighty_columns():
    outcomes = (make_outcome("north", 1.25), make_outcome("south", 2.5, verdict="quarantined"))
    (line,) = round_lines(make_record(3, *outcomes))
    assert line == "round 3    1 of 2  accuracy 0.530  epsilon 2.500, 5.500 left  2 s"


def test_models_of_sites_have_a_line_each():
    own = [
        EvaluationReport.model_validate(
            make_record(1).evaluations[0].model_dump() | {"subject": site}
        )
        for site in ("north", "southwest")
    ]
    record = make_record(1, make_outcome("north")).model_copy(update={"evaluations": tuple(own)})
    assert round_lines(record)[1:] == [
        "  north      accuracy 0.510",
        "  southwest  accuracy 0.510",
    ]


def test_a_round_without_protection_speaks_of_no_epsilon_and_no_budget():
    report = make_report(make_round_task(), status="completed", error=None)
    outcome = SiteOutcome(site="north", verdict="admitted", report=report)
    (row,) = round_rows([make_record(1, outcome)])
    assert "epsilon spent" not in row
    assert "budget left" not in row


def test_a_site_without_a_report_is_counted_and_not_read():
    failed = SiteOutcome(site="south", verdict="failed", reason="its process was ended")
    (row,) = round_rows([make_record(1, make_outcome("north"), failed)])
    assert row["admitted"] == "1 of 2"
    assert row["bytes up"] == "400"


def test_the_least_budget_left_is_the_tightest_sites():
    reports = [make_outcome(site, spent).report for site, spent in (("a", 1.0), ("b", 7.5))]
    assert least_budget_left([report for report in reports if report]) == "0.500"
