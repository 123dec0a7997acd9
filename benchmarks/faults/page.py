"""The page of what came of every fault: the same model as undisturbed, and no budget twice."""

import re
from dataclasses import dataclass

from benchmarks.faults.stage import Stage
from flows.run_store import RoundRecord
from tests.end_to_end.conftest import HOSPITALS
from tests.end_to_end.hospitals import REPOSITORY

TESTS = {
    "tests/end_to_end/test_network_faults.py": ("wire",),
    "tests/end_to_end/test_exchange.py": ("killed", "absent", "down"),
    "tests/faults/test_full_disks.py": ("",),
    "tests/site_agent/test_poll.py": ("process_that", "clock", "gone", "cannot_answer"),
    "tests/flows/exchange/test_blobs.py": ("broke", "truncated", "other_bytes", "twice", "anew"),
    "tests/flows/exchange/test_exchange_sites.py": ("away", "late", "absent", "deadline"),
}
"""Files of tests of faults, and the words of the names that are meant."""


@dataclass(frozen=True)
class Struck:
    """One fault as it was, and how its round went on."""

    round_number: int
    who: str
    step: str
    in_time: bool
    """Whether the round was still going on when something was killed."""
    seconds: float
    refusals: list[str]
    """What the coordinator said where its run ended early and was gone on with."""


@dataclass(frozen=True)
class Compared:
    """A run without faults, the same run with one in each round, and what the faults were."""

    calm: Stage
    disturbed: Stage
    struck: list[Struck]

    def rows(self) -> list[tuple[Struck, RoundRecord, bool]]:
        """Each fault with the round that it struck, and whether the model was as undisturbed."""
        quiet, noisy = (
            stage.run.rounds()[1 : len(self.struck) + 1] for stage in (self.calm, self.disturbed)
        )
        same = [a.checkpoint == b.checkpoint for a, b in zip(quiet, noisy, strict=True)]
        return list(zip(self.struck, noisy, same, strict=True))

    def charged_once(self) -> bool:
        """Whether both sites charged each of these rounds once, in order."""
        wanted = [fault.round_number for fault in self.struck]
        charged = (self.disturbed.hospitals.charged(site) for site in HOSPITALS)
        return all(rounds[: len(wanted)] == wanted for rounds in charged)


def fault_page(runs: list[Compared]) -> str:
    rows = [row for run in runs for row in run.rows()]
    same = sum(equal for _, _, equal in rows)
    lines = [
        "# Faults",
        "",
        "Written by `python -m benchmarks.faults --folder FOLDER --out docs/faults.md`. A tiny",
        "federation of two hospitals over the exchange, on PostgreSQL and a Prefect server, was",
        "trained once without a fault, and once with one fault in each of its rounds: SIGKILL to",
        "real processes at, or some milliseconds after, a step at site `north`; then they were",
        "started again. Noise is drawn from a known stream. Leases last 2 s.",
        "",
        f"* faults: {len(rows)}, in {len(runs)} run{'s' * (len(runs) > 1)}; the model was equal to",
        f"  the undisturbed run's, bit for bit, after {same} of their rounds",
        f"* each round charged once, and in order, at both sites: "
        f"**{_word(all(run.charged_once() for run in runs))}**",
        "",
        "| killed | when | round ended after | admitted | run ended early | same model |",
        "|---|---|---|---|---|---|",
    ]
    for fault, record, equal in rows:
        admitted = sum(outcome.verdict == "admitted" for outcome in record.outcomes)
        when = fault.step if fault.in_time else f"{fault.step}, after the round"
        early = "; ".join(fault.refusals) or "no"
        lines.append(
            f"| {fault.who} | {when} | {fault.seconds:.0f} s | "
            f"{admitted} of {len(record.outcomes)} | {early} | {_word(equal)} |"
        )
    lines += ["", "## Other faults, each a test", ""]
    return "\n".join([*lines, *(f"* {sentence}" for sentence in _tested())]) + "\n"


def _tested() -> list[str]:
    """The sentences that the names of other tests of faults are."""
    names = [
        name
        for path, words in TESTS.items()
        for name in re.findall(r"^def (test_\w+)", (REPOSITORY / path).read_text(), re.MULTILINE)
        if any(word in name for word in words)
    ]
    return [name.removeprefix("test_").replace("_", " ") for name in names]


def _word(good: bool) -> str:
    return "yes" if good else "no"
