"""A ledger that was edited, shortened, restored or is another's is refused."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from fedclinic.errors import LedgerError
from fedclinic.rounds import LedgerHead
from site_agent.ledger_file import LedgerFile
from tests.site_agent.ledger_file.ledgers import OTHER_PLAN, reserve


def test_the_ledger_of_another_site_is_refused(ledger, path, clock):
    with pytest.raises(LedgerError, match="ledger of st_elsewhere, not of county_general"):
        LedgerFile.open(path, site="county_general", clock=clock)


def test_a_clock_that_went_back_is_refused_and_nothing_is_written(ledger, clock):
    head = ledger.head()
    clock.now -= 60
    with pytest.raises(LedgerError, match="clock is 60 s behind"):
        reserve(ledger)
    assert ledger.head() == head


def tamper(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER entry_update")
        connection.execute("DROP TRIGGER entry_delete")
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET body = replace(body, '\"epsilon\":4.0', '\"epsilon\":9.0')",
        "UPDATE entry SET body = replace(body, '\"steps\":20', '\"steps\":2')",
        "UPDATE entry SET hash = hash || '0' WHERE sequence = 2",
        "DELETE FROM entry WHERE sequence = 3",
        "DELETE FROM entry WHERE sequence = 1",
        "UPDATE entry SET sequence = 9 WHERE sequence = 4",
        "DELETE FROM entry",
    ],
)
def test_an_edited_ledger_is_refused(ledger, path, clock, statement):
    reserve(ledger)
    ledger.close()
    tamper(path, statement)
    with pytest.raises(LedgerError):
        LedgerFile.open(path, site="st_elsewhere", clock=clock)


def test_entries_cannot_be_changed_through_sql(ledger, path):
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append only"):
        connection.execute("DELETE FROM entry")
    connection.close()


def test_a_shortened_ledger_is_an_older_copy_to_its_witness(ledger, path, clock):
    reserve(ledger)
    witness = ledger.head()
    ledger.close()
    tamper(path, "DELETE FROM entry WHERE sequence = 4")
    older = LedgerFile.open(path, site="st_elsewhere", clock=clock)
    with pytest.raises(LedgerError, match="older copy"):
        older.verify(witness)


def test_a_restored_backup_that_went_another_way_is_detected(ledger, path, clock, tmp_path):
    ledger.close()
    shutil.copy(path, tmp_path / "backup")
    ledger = LedgerFile.open(path, site="st_elsewhere", clock=clock)
    reserve(ledger)
    witness = ledger.head()
    ledger.close()
    shutil.copy(tmp_path / "backup", path)
    restored = LedgerFile.open(path, site="st_elsewhere", clock=clock)
    reserve(restored, plan_digest=OTHER_PLAN)
    with pytest.raises(LedgerError, match="older copy"):
        restored.verify(witness)


def test_a_file_that_goes_back_while_it_is_open_is_noticed(ledger, path):
    reserve(ledger)
    tamper(path, "DELETE FROM entry WHERE sequence = 4")
    with pytest.raises(LedgerError, match="went back behind entry 4"):
        ledger.head()


def test_a_true_witness_passes(ledger):
    first = ledger.head()
    reserve(ledger)
    assert ledger.verify(first) == ledger.verify(ledger.head()) == ledger.verify(None) == 4
    assert ledger.verify(LedgerHead(sequence=0, hash="0" * 64)) == 4


@pytest.mark.parametrize("keep", [0, 100, 4096, 5000])
def test_a_truncated_file_is_refused(ledger, path, clock, keep):
    for number in range(1, 9):
        reserve(ledger, number, cohorts=["2019"])
    ledger.close()
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(LedgerError):
        LedgerFile.open(path, site="st_elsewhere", clock=clock)


def test_another_database_is_not_a_ledger(path, clock):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE entry(sequence INTEGER, body TEXT, hash TEXT)")
    connection.close()
    with pytest.raises(LedgerError, match="not a privacy ledger"):
        LedgerFile.open(path, site="st_elsewhere", clock=clock)
