"""A round has one result and one charge, however often it is asked for or interrupted."""

from typing import Any, Never

import pytest

from fedclinic.evidence.statement import Envelope
from fedclinic.rounds import RoundTask
from fedclinic.updates.blobs import BlobFolder
from site_agent.egress import REPORT_KIND
from site_agent.ledger_file import LedgerFile
from site_agent.outbox import Outbox
from tests.tiny_site import kinds_of, make_tiny_task, never_read

ALL_STATEMENTS = [
    "self-tested",
    "budget-reserved",
    "budget-use-begun",
    "budget-committed",
    REPORT_KIND,
]


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
