"""A ledger that is raced for, killed or on a full disk loses nothing and gives nothing away."""

import subprocess
import sys

from benchmarks.privacy_ledger import kill_many, race, rounds_that_fit
from fedclinic.privacy.ledger_events import Refunded
from fedclinic.privacy.mechanism import Mechanism
from site_agent.ledger_file import LedgerFile

FULL_DISK = """
import resource, signal, sys, time
from pathlib import Path
from fedclinic.errors import LedgerError
from site_agent.ledger_file import LedgerFile
from tests.site_agent.ledger_file.ledgers import IN_2024, reserve
ledger = LedgerFile.open(Path(sys.argv[1]), site="st_elsewhere", clock=lambda: IN_2024)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
done = 0
try:
    for number in range(1, 1000):
        hold = reserve(ledger, number)
        ledger.refund(hold, "the next one needs the budget")
        done = number
except LedgerError as error:
    print(done, "refunded;", error)
"""


def test_a_full_disk_is_an_error_and_loses_nothing_that_was_durable(ledger, path, clock):
    ledger.close()
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=True
    )
    assert "cannot be used" in child.stdout
    done = int(child.stdout.split()[0])
    assert done > 0
    again = LedgerFile.open(path, site="st_elsewhere", clock=clock)
    events = [event for _, event in again.history()]
    assert len([e for e in events if isinstance(e, Refunded)]) == done
    again.verify()


def test_processes_that_race_are_admitted_exactly_what_fits(path):
    expected = rounds_that_fit(2.0, Mechanism(noise_multiplier=4.0, sampling_rate=1.0, steps=1))
    assert race(path, processes=4, rounds_each=expected, epsilon=2.0) == expected > 1


def test_a_killed_round_is_never_lost_and_never_free(path):
    outcomes = kill_many(path, kills=24, seed=7)
    assert outcomes["LOST"] == 0
    assert sum(outcomes.values()) == 24
