"""The points at which something is killed: who, at which step of a round, at which sites."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from benchmarks.faults.stage import Stage
from tests.end_to_end.conftest import HOSPITALS

LEASE, DONE = "/v1/lease", "/v1/tasks/{task}/done"
UPLOAD = "/v1/tasks/{task}/uploads/{blob}"
WATCHED = "north"
"""The site whose steps are waited for."""


@dataclass(frozen=True)
class Fault:
    """Who is killed at the same moment, and when."""

    parties: tuple[str, ...]
    step: str
    sites: tuple[str, ...] = (WATCHED,)
    """Where agents and work processes are killed."""

    @property
    def who(self) -> str:
        names = [
            f"{party} of both sites" if len(self.sites) > 1 and party in AT_SITES else party
            for party in self.parties
        ]
        return ", ".join(names)


@dataclass
class Watch:
    """What has happened since a round began, as files and the exchange's record show it."""

    stage: Stage
    round_number: int
    offset: int
    entries: int = 0
    """Of the site's ledger when the round began."""
    seen: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def begin(cls, stage: Stage, round_number: int) -> "Watch":
        calls = stage.calls.stat().st_size if round_number > 1 else 0
        return cls(stage, round_number, calls, ledger_entries(stage))

    def called(self, method: str, route: str) -> bool:
        with self.stage.calls.open("rb") as file:
            file.seek(self.offset)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self.offset += len(whole)
        for line in whole.splitlines():
            call = json.loads(line)
            if call["status"] == 200 and call["site"] == WATCHED:
                self.seen.add((call["method"], call["route"]))
        return (method, route) in self.seen

    def ledger_grew(self, by: int) -> bool:
        return ledger_entries(self.stage) >= self.entries + by

    def kept(self, field_name: str) -> bool:
        pattern = f"*-{self.round_number}.json"
        for path in (self.stage.hospitals.home(WATCHED) / "outbox").glob(pattern):
            return bool(json.loads(path.read_bytes()).get(field_name))
        return False

    def coordinator_has(self, what: str) -> bool:
        run = self.stage.run
        return any((run.root / what).glob(f"{self.round_number:04d}-{WATCHED}.*"))


STEPS: dict[str, Callable[[Watch], bool]] = {
    "the task is signed": lambda watch: watch.coordinator_has("tasks"),
    "the task is leased": lambda watch: watch.called("POST", LEASE),
    "budget is reserved": lambda watch: watch.ledger_grew(1),
    "budget is in use": lambda watch: watch.ledger_grew(2),
    "the update is kept": lambda watch: watch.kept("update"),
    "the round is charged": lambda watch: watch.ledger_grew(3),
    "the report is kept": lambda watch: watch.kept("report"),
    "the upload is begun": lambda watch: watch.called("POST", UPLOAD),
    "the upload is there": lambda watch: watch.called("PUT", UPLOAD),
    "the task is ended": lambda watch: watch.called("POST", DONE),
    "the answer is kept": lambda watch: watch.coordinator_has("answers"),
}
AT_SITES = ("agent", "work process")
EVERYTHING = ("agent", "exchange", "coordinator", "Prefect server", "PostgreSQL")


def all_faults() -> list[Fault]:
    """Several parties at once, then each alone at every step that it has a part in."""
    steps = tuple(STEPS)
    faults = [Fault(EVERYTHING, step, HOSPITALS) for step in (steps[3], steps[8])]
    faults += [Fault(("exchange", "agent"), step) for step in steps[2:10:3]]
    faults += [Fault(("agent",), step, HOSPITALS) for step in steps[1:10:4]]
    faults += [Fault(("work process",), step, HOSPITALS) for step in steps[1:6:2]]
    faults += [Fault(("Prefect server",), step) for step in steps[::2]]
    faults += [Fault(("PostgreSQL",), step) for step in steps]
    faults += [Fault(("coordinator",), step) for step in steps]
    faults += [Fault(("exchange",), step) for step in steps[1:10]]
    faults += [Fault(("agent",), step) for step in steps[1:10]]
    faults += [Fault(("work process",), step) for step in steps[1:8]]
    return faults


def ledger_entries(stage: Stage) -> int:
    path = stage.hospitals.home(WATCHED) / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as ledger:
        return int(ledger.execute("SELECT count(*) FROM entry").fetchone()[0])
