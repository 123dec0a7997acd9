"""Kill real processes at every step of a round over the exchange, and write the table of what came.

    python -m benchmarks.faults --folder /tmp/faults --most 12     # as often as needed
    python -m benchmarks.faults --folder /tmp/faults --out docs/faults.md

One run of a tiny federation without faults, then the same run with one fault a round: something
gets SIGKILL at or just after a step, and is started again. The noise is known (a key from site and
round), so both models must be equal bit for bit after every round, and each site's ledger must have
charged each round once. The folder is gone on with: what was struck is not struck again. It has to
be one that the user `postgres` can enter.
"""

import argparse
import json
import os
import time
from pathlib import Path

from benchmarks.faults.page import Compared, Struck, fault_page
from benchmarks.faults.points import STEPS, Fault, Watch, all_faults
from benchmarks.faults.stage import Stage
from site_agent.synthesize import write_cohort
from tests.end_to_end.conftest import HOSPITALS
from tests.tiny_models import save_tiny_bert


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True, help="Is gone on with.")
    parser.add_argument("--most", type=int, default=1000, help="Points to strike this time.")
    parser.add_argument("--out", type=Path, help="Page of what was struck so far.")
    parser.add_argument("--with", dest="others", type=Path, action="append", default=[],
                        help="Another folder whose faults are on the page too.")  # fmt: skip
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    if options.most:
        strike_some(options.folder, options.most)
    if options.out is not None:
        runs = [compared(folder) for folder in (options.folder, *options.others)]
        options.out.write_text(fault_page(runs), encoding="utf-8")


def strike_some(folder: Path, most: int) -> None:
    """Train without faults if that was not done yet, and go on striking."""
    faults = all_faults()
    prepare(folder)
    calm = open_stage(folder, "calm")
    if calm.finished_rounds() < len(faults):
        run_calmly(calm, len(faults))
    strike_all(open_stage(folder, "disturbed"), faults, folder / "struck.jsonl", most)


def compared(folder: Path) -> Compared:
    stages = (open_stage(folder, name) for name in ("calm", "disturbed"))
    return Compared(*stages, read_struck(folder / "struck.jsonl"))


def prepare(folder: Path) -> None:
    """Write the model and the notes that both runs share."""
    if (folder / "notes").exists():
        return
    (folder / "model").mkdir(parents=True)
    folder.chmod(0o755)
    save_tiny_bert(folder / "model")
    write_cohort(
        folder / "notes", hospitals=HOSPITALS, patients=12, test_patients=8, alpha=1.0, seed=3
    )


def open_stage(folder: Path, name: str) -> Stage:
    return Stage(folder / name, folder / "model", folder / "notes")


def run_calmly(stage: Stage, rounds: int) -> None:
    began = time.monotonic()
    try:
        stage.open(rounds)
        while stage.finished_rounds() < rounds:
            before = stage.finished_rounds()
            stage.wait_until(lambda before=before: stage.finished_rounds() > before)
    finally:
        stage.close()
    print(f"undisturbed: {rounds} rounds in {time.monotonic() - began:.0f} s", flush=True)


def strike_all(stage: Stage, faults: list[Fault], record: Path, most: int) -> None:
    """Strike once in each round that has not been struck yet, and write down what came of it."""
    done = max(stage.finished_rounds(), 0)
    if done == len(faults):
        return
    try:
        stage.open(len(faults))
        for number, fault in list(enumerate(faults, start=1))[done : done + most]:
            struck = strike(stage, number, fault)
            with record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(struck.__dict__) + "\n")
            print(
                f"{number}/{len(faults)} {fault.who}: {fault.step}: {struck.seconds:.1f} s "
                f"{struck.refusals or ''}",
                flush=True,
            )
    finally:
        stage.close()


def strike(stage: Stage, number: int, fault: Fault) -> Struck:
    """Wait for a step of a round, kill and start again, and wait for the round's end."""
    stage.wait_until(lambda: stage.finished_rounds() >= number - 1)
    began = time.monotonic()
    stage.refusals.clear()
    watch, reached = Watch.begin(stage, number), STEPS[fault.step]
    stage.wait_until(lambda: reached(watch) or stage.finished_rounds() >= number)
    in_time = stage.finished_rounds() < number
    for party in fault.parties:
        stage.kill(party, fault.sites)
    for party in reversed(fault.parties):
        stage.start(party, fault.sites)
    stage.wait_until(lambda: stage.finished_rounds() >= number)
    return Struck(
        round_number=number,
        who=fault.who,
        step=fault.step,
        in_time=in_time,
        seconds=time.monotonic() - began,
        refusals=list(stage.refusals),
    )


def read_struck(record: Path) -> list[Struck]:
    lines = record.read_text(encoding="utf-8").splitlines()
    by_round = {struck.round_number: struck for struck in (Struck(**json.loads(x)) for x in lines)}
    return [by_round[number] for number in sorted(by_round)]


if __name__ == "__main__":
    main()
