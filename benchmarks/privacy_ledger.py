"""Measure the budget ledger and try to break it: speed, kill -9 at random points, processes racing.

python -m benchmarks.privacy_ledger speed
python -m benchmarks.privacy_ledger kills --count 500
python -m benchmarks.privacy_ledger race --processes 8
"""

import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click

from fedclinic.errors import BudgetError
from fedclinic.privacy.budget import caps_of, demand_of
from fedclinic.privacy.ledger_events import Reserved
from fedclinic.privacy.mechanism import Mechanism
from site_agent.ledger_file import LedgerFile

SITE, COHORT, DELTA = "st_elsewhere", "first seen 2020", 1e-5
PLAN = "sha256:" + "0" * 64
SMALL_ROUND = Mechanism(noise_multiplier=4.0, sampling_rate=1.0, steps=1)

_fork = multiprocessing.get_context("fork")


def open_ledger(path: Path) -> LedgerFile:
    return LedgerFile.open(path, site=SITE, clock=time.time)


def rounds_that_fit(epsilon: float, mechanism: Mechanism) -> int:
    """The most rounds of one mechanism that some order admits."""
    pairs = zip(caps_of(epsilon, DELTA), demand_of(mechanism), strict=True)
    return max(cap // demand for cap, demand in pairs)


def race(path: Path, *, processes: int, rounds_each: int, epsilon: float) -> int:
    """Let processes reserve at once; returns how many rounds were admitted in all."""
    with_budget = open_ledger(path)
    with_budget.add_cohort(COHORT, epsilon=epsilon, delta=DELTA)
    with_budget.close()
    start, results = _fork.Event(), _fork.Queue()

    def reserve_many(racer: int) -> None:
        ledger = open_ledger(path)
        start.wait()
        admitted = 0
        for number in range(1, rounds_each + 1):
            try:
                ledger.reserve(
                    run=f"racer-{racer}",
                    round_number=number,
                    cohorts=[COHORT],
                    mechanism=SMALL_ROUND,
                    plan_digest=PLAN,
                )
                admitted += 1
            except BudgetError:
                pass
        results.put(admitted)

    racers = [_fork.Process(target=reserve_many, args=(n,)) for n in range(processes)]
    for racer in racers:
        racer.start()
    start.set()
    total = sum(results.get() for _ in racers)
    for racer in racers:
        racer.join()
    return total


def kill_many(path: Path, *, kills: int, seed: int) -> Counter[str]:
    """SIGKILL a process in the middle of a round, recover, and count what came out.

    Every second process is killed before a random SQL statement of its round, the others at a
    random moment. A round whose use had begun must be charged; an outcome that breaks this is
    counted as `LOST`.
    """
    chance = random.Random(seed)
    ledger = open_ledger(path)
    ledger.add_cohort(COHORT, epsilon=1e6, delta=DELTA)
    outcomes: Counter[str] = Counter()
    for number in range(1, kills + 1):
        said = _killed_round(path, number, chance)
        ledger.recover(f"run-{number}")
        state = _state_of(ledger, f"run-{number}")
        lost = ("touched" in said and state != "committed") or (
            "done" in said and state != "committed"
        )
        outcomes["LOST" if lost else f"{said[-1] if said else 'nothing'} -> {state}"] += 1
    ledger.verify(ledger.head())
    return outcomes


def _state_of(ledger: LedgerFile, run: str) -> str:
    """What became of a run's only hold, read from the entries alone."""
    state = "no entry"
    for _, event in ledger.history():
        if isinstance(event, Reserved) and event.run == run:
            hold, state = event.hold, "reserved"
        elif state != "no entry" and getattr(event, "hold", None) == hold:
            state = event.event
    return state


def _killed_round(path: Path, number: int, chance: random.Random) -> list[str]:
    at_statement = chance.randrange(1, 20) if number % 2 else None
    after_seconds = chance.uniform(0.0, 0.02)
    read_end, write_end = os.pipe()
    process = _fork.Process(target=_round, args=(path, number, at_statement, write_end))
    process.start()
    os.close(write_end)
    with os.fdopen(read_end) as said:
        words = [said.readline().strip()]
        if at_statement is None:
            time.sleep(after_seconds)
            process.kill()
        process.join()
        words += said.read().split()
    return [word for word in words if word not in ("", "opened")]


def _round(path: Path, number: int, at_statement: int | None, write_end: int) -> None:
    def say(word: str) -> None:
        os.write(write_end, f"{word}\n".encode())

    ledger = open_ledger(path)
    say("opened")
    if at_statement is not None:
        ledger._db.set_trace_callback(_kill_at(at_statement))
    hold = ledger.reserve(
        run=f"run-{number}",
        round_number=1,
        cohorts=[COHORT],
        mechanism=SMALL_ROUND,
        plan_digest=PLAN,
    )
    say("reserved")
    ledger.begin_use(hold)
    say("touched")
    ledger.commit(hold)
    say("done")


def _kill_at(statement: int) -> Callable[[str], None]:
    left = [statement]

    def count(_: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return count


@click.group()
def main() -> None:
    """Benchmarks of the budget ledger."""


def durable_appends(folder: Path, count: int = 500) -> float:
    """Appends of a page a second, each with its fdatasync: what no ledger on this disk can pass."""
    with (folder / "appended").open("wb") as file:
        began = time.perf_counter()
        for _ in range(count):
            file.write(bytes(4096))
            file.flush()
            os.fdatasync(file.fileno())
        return count / (time.perf_counter() - began)


@main.command()
@click.option("--entries", default=100_000)
def speed(entries: int) -> None:
    """Reservations a second, and the time to verify many entries."""
    with tempfile.TemporaryDirectory() as folder:
        print(f"the disk alone: {durable_appends(Path(folder)):.0f} durable appends a second")
        ledger = open_ledger(Path(folder) / "ledger.sqlite")
        ledger.add_cohort(COHORT, epsilon=1e9, delta=DELTA)
        began, worked = time.perf_counter(), time.process_time()
        for number in range(1, entries - 1):
            ledger.reserve(
                run="run",
                round_number=number,
                cohorts=[COHORT],
                mechanism=SMALL_ROUND,
                plan_digest=PLAN,
            )
        reserved, reserved_worked = time.perf_counter(), time.process_time()
        count = ledger.verify(ledger.head())
        print(
            f"{entries / (reserved - began):.0f} reservations a second, each with its fsync; "
            f"{entries / (reserved_worked - worked):.0f} a second of processor"
        )
        print(
            f"verify of {count} entries: {time.perf_counter() - reserved:.2f} s, "
            f"{time.process_time() - reserved_worked:.2f} s of processor"
        )


@main.command()
@click.option("--count", default=500)
@click.option("--seed", default=1)
def kills(count: int, seed: int) -> None:
    """Kill -9 in the middle of rounds; prints outcomes as `last word -> state after recovery`."""
    with tempfile.TemporaryDirectory() as folder:
        outcomes = kill_many(Path(folder) / "ledger.sqlite", kills=count, seed=seed)
    for outcome, times in sorted(outcomes.items()):
        print(f"{times:5d}  {outcome}")
    print(f"{count} kills, {outcomes['LOST']} lost")


@main.command(name="race")
@click.option("--processes", default=8)
@click.option("--epsilon", default=8.0)
def race_command(processes: int, epsilon: float) -> None:
    """Processes that reserve at once admit exactly what one would."""
    expected = rounds_that_fit(epsilon, SMALL_ROUND)
    with tempfile.TemporaryDirectory() as folder:
        admitted = race(
            Path(folder) / "ledger.sqlite",
            processes=processes,
            rounds_each=expected,
            epsilon=epsilon,
        )
    print(f"{processes} processes: {admitted} rounds admitted, {expected} fit")


if __name__ == "__main__":
    main()
