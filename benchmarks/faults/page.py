"""The page of what came of every fault: the same model as undisturbed, and no budget twice."""

from dataclasses import dataclass

from benchmarks.faults.stage import Stage
from tests.end_to_end.conftest import HOSPITALS


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


def fault_page(calm: Stage, disturbed: Stage, struck: list[Struck]) -> str:
    quiet, noisy = calm.run.rounds()[1:], disturbed.run.rounds()[1:]
    charged = {site: disturbed.hospitals.charged(site) for site in HOSPITALS}
    wanted = [fault.round_number for fault in struck]
    once = all(rounds == wanted for rounds in charged.values())
    lines = [
        "# Faults",
        "",
        "Written by `python -m benchmarks.faults --folder FOLDER --out docs/faults.md`. A tiny",
        "federation of two hospitals over the exchange, on PostgreSQL and a Prefect server, was",
        "trained once without a fault, and once with one fault in each of its rounds: SIGKILL to",
        "real processes at, or some milliseconds after, a step at site `north`; then they were",
        "started again. Noise is drawn from a known stream. Leases last 2 s.",
        "",
        f"* rounds: {len(struck)}; model equal to the undisturbed run's, bit for bit, after "
        f"{sum(a.checkpoint == b.checkpoint for a, b in zip(quiet, noisy, strict=True))}",
        f"* each round charged once, and in order, at both sites: **{_word(once)}**",
        "",
        "| round | killed | when | ended after | admitted | run ended early | same model |",
        "|---|---|---|---|---|---|---|",
    ]
    for fault, before, after in zip(struck, quiet, noisy, strict=True):
        admitted = sum(outcome.verdict == "admitted" for outcome in after.outcomes)
        when = fault.step if fault.in_time else f"{fault.step}, after the round"
        early = "; ".join(fault.refusals) or "no"
        lines.append(
            f"| {fault.round_number} | {fault.who} | {when} | {fault.seconds:.0f} s | "
            f"{admitted} of {len(after.outcomes)} | {early} | "
            f"{_word(before.checkpoint == after.checkpoint)} |"
        )
    return "\n".join(lines) + "\n"


def _word(good: bool) -> str:
    return "yes" if good else "no"
