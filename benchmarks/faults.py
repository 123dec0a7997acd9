"""Kill real processes at every step of a round over the exchange, and write the table of what came.

    python -m benchmarks.faults --out docs/faults.md

One run of a tiny federation without faults, then the same run with one fault a round: exchange,
coordinator's flow, a site's agent or its work process get SIGKILL at or just after a step, and are
started again. The noise is known (a key from site and round), so both final models must be equal
bit for bit, and each site's ledger must have charged each round once.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from flows.run_store import RunStore
from site_agent.synthesize import write_cohort
from tests.end_to_end.conftest import HOSPITALS
from tests.end_to_end.hospitals import Hospitals, open_hospitals
from tests.tiny_models import save_tiny_bert

LEASE, DONE = "/v1/lease", "/v1/tasks/{task}/done"
UPLOAD = "/v1/tasks/{task}/uploads/{blob}"


@dataclass(frozen=True)
class Fault:
    """Who is killed, at which step of the round, and at which sites."""

    who: str
    step: str
    sites: tuple[str, ...] = ("north",)


@dataclass
class Watch:
    """What has happened since the round began."""

    hospitals: Hospitals
    round_number: int
    offset: int
    entries: dict[str, int] = field(default_factory=dict)
    seen: set[tuple[str, str, str]] = field(default_factory=set)

    def called(self, site: str, method: str, route: str) -> bool:
        path = self.hospitals.workspace / "exchange" / "calls.jsonl"
        with path.open("rb") as file:
            file.seek(self.offset)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self.offset += len(whole)
        for line in whole.splitlines():
            call = json.loads(line)
            if call["status"] == 200:
                self.seen.add((call["site"], call["method"], call["route"]))
        return (site, method, route) in self.seen

    def ledger_grew(self, site: str, by: int) -> bool:
        return ledger_entries(self.hospitals, site) >= self.entries[site] + by

    def kept(self, site: str, field_name: str) -> bool:
        pattern = f"*-{self.round_number}.json"
        for path in (self.hospitals.home(site) / "outbox").glob(pattern):
            return bool(json.loads(path.read_bytes()).get(field_name))
        return False

    def coordinator_has(self, what: str) -> bool:
        run = newest_run(self.hospitals).root
        return any((run / what).glob(f"{self.round_number:04d}-north.*"))


STEPS: dict[str, Callable[[Watch, str], bool]] = {
    "the task is signed": lambda w, s: w.coordinator_has("tasks"),
    "the task is leased": lambda w, s: w.called(s, "POST", LEASE),
    "budget is reserved": lambda w, s: w.ledger_grew(s, 1),
    "budget is in use": lambda w, s: w.ledger_grew(s, 2),
    "the update is kept": lambda w, s: w.kept(s, "update"),
    "the round is charged": lambda w, s: w.ledger_grew(s, 3),
    "the report is kept": lambda w, s: w.kept(s, "report"),
    "the upload is begun": lambda w, s: w.called(s, "POST", UPLOAD),
    "the upload is there": lambda w, s: w.called(s, "PUT", UPLOAD),
    "the task is ended": lambda w, s: w.called(s, "POST", DONE),
    "the answer is kept": lambda w, s: w.coordinator_has("answers"),
}
AT_SITE = tuple(STEPS)[1:10]


def all_faults() -> list[Fault]:
    faults = [Fault("work process", step) for step in AT_SITE[:7]]
    faults += [Fault("agent", step) for step in AT_SITE]
    faults += [Fault("exchange", step) for step in AT_SITE]
    faults += [Fault("work process", step, HOSPITALS) for step in AT_SITE[:5]]
    faults += [Fault("agent", step, HOSPITALS) for step in AT_SITE[:5]]
    faults += [Fault("exchange and agent", step) for step in AT_SITE[::3]]
    faults += [Fault("coordinator", step) for step in tuple(STEPS)[::2]]
    return faults


def newest_run(hospitals: Hospitals) -> RunStore:
    runs = (hospitals.workspace / "runs").iterdir()
    return RunStore(max(runs, key=lambda path: path.stat().st_ctime))


def ledger_entries(hospitals: Hospitals, site: str) -> int:
    import sqlite3  # noqa: PLC0415

    with sqlite3.connect(hospitals.home(site) / "ledger.sqlite") as ledger:
        return int(ledger.execute("SELECT count(*) FROM entry").fetchone()[0])


def finished_rounds(hospitals: Hospitals) -> int:
    if not (hospitals.workspace / "runs").is_dir():
        return -1
    return len(list(newest_run(hospitals).root.glob("round-*.json"))) - 1


def start_run(hospitals: Hospitals, plan: Path) -> None:
    hospitals.start("coordinator", hospitals.coordinator("train", str(plan), "--no-compare"))


def wait_for_rounds(hospitals: Hospitals, rounds: int) -> None:
    """Wait for the last round; what a run does after it is not looked at here."""
    until = time.monotonic() + 3600
    while finished_rounds(hospitals) < rounds:
        if hospitals.running["coordinator"].poll() or time.monotonic() > until:
            raise SystemExit((hospitals.root / "coordinator.log").read_text())
        time.sleep(0.05)


def strike(hospitals: Hospitals, fault: Fault) -> None:
    for site in fault.sites:
        if fault.who == "work process":
            hospitals.kill_work(site)
        if "agent" in fault.who:
            hospitals.kill(site)
    if "exchange" in fault.who:
        hospitals.kill("exchange")
        hospitals.start_exchange()
    if "agent" in fault.who:
        for site in fault.sites:
            hospitals.start_agent(site)
    if fault.who == "coordinator":
        hospitals.kill("coordinator")
        run = newest_run(hospitals).name
        hospitals.start("coordinator", hospitals.coordinator("train", "--resume", run))


def disturb(hospitals: Hospitals, faults: list[Fault]) -> list[float]:
    """Strike once in each round; returns how long each round took."""
    seconds = []
    for number, fault in enumerate(faults, start=1):
        hospitals.wait_for(lambda number=number: finished_rounds(hospitals) >= number - 1)
        began = time.monotonic()
        calls = hospitals.workspace / "exchange" / "calls.jsonl"
        watch = Watch(hospitals, number, calls.stat().st_size if number > 1 else 0)
        watch.entries = {site: ledger_entries(hospitals, site) for site in HOSPITALS}
        reached = STEPS[fault.step]
        hospitals.wait_for(lambda: finished_rounds(hospitals) >= number or reached(watch, "north"))  # noqa: B023
        strike(hospitals, fault)
        hospitals.wait_for(lambda number=number: finished_rounds(hospitals) >= number)
        seconds.append(time.monotonic() - began)
        print(f"{number}/{len(faults)} {fault.who}: {fault.step}: {seconds[-1]:.1f} s", flush=True)
    return seconds


def run_once(root: Path, faults: list[Fault], rounds: int) -> tuple[Hospitals, list[float]]:
    model, notes = root.parent / "model", root.parent / "notes"
    hospitals = Hospitals(root, model, notes, known_noise=True)
    evaluation = {"site_config": "evaluation.yaml", "every_rounds": 10_000}
    try:
        open_hospitals(hospitals)
        plan = hospitals.write_plan(rounds=rounds, evaluation=evaluation, deadline_minutes=10)
        start_run(hospitals, plan)
        seconds = disturb(hospitals, faults)
        wait_for_rounds(hospitals, rounds)
        return hospitals, seconds
    finally:
        hospitals.stop()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="a dozen of the faults")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    faults = [
        fault
        for number, fault in enumerate(all_faults())
        if not options.quick or fault.who == "exchange" or number % 14 == 0
    ]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "model").mkdir()
        save_tiny_bert(root / "model")
        write_cohort(
            root / "notes", hospitals=HOSPITALS, patients=12, test_patients=8, alpha=1.0, seed=3
        )
        calm, _ = run_once(root / "calm", [], len(faults))
        struck, seconds = run_once(root / "struck", faults, len(faults))
        options.out.write_text(page(calm, struck, faults, seconds), encoding="utf-8")


def page(calm: Hospitals, struck: Hospitals, faults: list[Fault], seconds: list[float]) -> str:
    rounds = {"calm": newest_run(calm).rounds(), "struck": newest_run(struck).rounds()}
    same = rounds["calm"][-1].checkpoint == rounds["struck"][-1].checkpoint
    wanted = list(range(1, len(faults) + 1))
    once = all(struck.charged(site) == wanted for site in HOSPITALS)
    lines = [
        "# Faults",
        "",
        "Written by `python -m benchmarks.faults --out docs/faults.md`. One run without a",
        "fault, and the same run with one fault in each of its rounds: SIGKILL to a real process",
        "at, or just after, a step at site `north`; then it is started again. Leases last 2 s.",
        "",
        f"* final model equal to the undisturbed run's, bit for bit: **{_word(same)}**",
        f"* each of {len(faults)} rounds charged once at both sites: **{_word(once)}**",
        "",
        "| round | killed | where | when | round ended after | admitted | model as undisturbed |",
        "|---|---|---|---|---|---|---|",
    ]
    for fault, took, a, b in zip(
        faults, seconds, rounds["calm"][1:], rounds["struck"][1:], strict=True
    ):
        admitted = sum(outcome.verdict == "admitted" for outcome in b.outcomes)
        where = "every site" if len(fault.sites) > 1 else "north"
        where = where if fault.who in ("agent", "work process") else "coordinator's machine"
        equal = _word(a.checkpoint == b.checkpoint)
        lines.append(
            f"| {b.round_number} | {fault.who} | {where} | {fault.step} | {took:.0f} s | "
            f"{admitted} of {len(b.outcomes)} | {equal} |"
        )
    return "\n".join(lines) + "\n"


def _word(good: bool) -> str:
    return "yes" if good else "no"


if __name__ == "__main__":
    main()
