"""A site declines a task by a word that leaves it and a line that stays; nothing is half-done."""

from datetime import UTC, datetime

import pytest

from fedclinic.errors import (
    DataError,
    DeidentificationError,
    LedgerError,
    ModelError,
    SignatureError,
)
from fedclinic.evidence.statement import sign
from fedclinic.plan import BaseModelRef, Layers
from fedclinic.rounds import PREPARE_KIND, LedgerHead
from site_agent.deid_measures import AuditVerdict
from tests.factories import make_prepare_task, make_signing_key, note_row, write_jsonl
from tests.site_agent.desk import Desk, prepare, prepared_by, problem_of
from tests.tiny_models import BLOCKS
from tests.tiny_site import COORDINATOR


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
