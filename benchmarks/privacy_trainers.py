"""The table of trainers against layers: what catches which mistake, with statistic and threshold.

python -m benchmarks.privacy_trainers table --out table.txt
python -m benchmarks.privacy_trainers right --seeds 20
"""

import os
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from fedclinic.privacy.audit_verdict import AuditVerdict
from fedclinic.privacy.production_trainer import production_trainer
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.privacy.self_test import SelfTest, run_self_test
from tests.fedclinic.privacy.broken_trainers import ALL, THIRTEEN, THRESHOLDS, audited_run


def fresh_stream() -> RandomStream:
    return RandomStream(os.urandom(32))


def self_test_cell(result: SelfTest) -> str:
    failed = [check for check in result.checks if not check.passed]
    if not failed:
        return "pass"
    first = failed[0]
    sign = "<=" if first.kind == "at most" else ">="
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"[red]caught[/]: {first.name} {first.value:.2g}, demanded {sign} {first.bound:g}{more}"


def conformance_cell(verdict: AuditVerdict) -> str:
    caught = verdict.conformance_p < THRESHOLDS.warn_p
    worst = min(verdict.p_values, key=lambda name: verdict.p_values[name])
    word, sign = ("[red]caught[/]", "<") if caught else ("pass", ">=")
    return f"{word}: p {verdict.conformance_p:.1e} ({worst}) {sign} {THRESHOLDS.warn_p:g}"


def bound_cell(verdict: AuditVerdict) -> str:
    caught = verdict.epsilon_at_least > verdict.epsilon_claimed
    word, sign = ("[red]caught[/]", ">") if caught else ("pass", "<=")
    return f"{word}: {verdict.epsilon_at_least:.2f} {sign} claim {verdict.epsilon_claimed:.2f}"


@click.group()
def main() -> None:
    """The audit of the trainer, shown at length."""


@main.command()
@click.option("--out", type=click.Path(path_type=Path), help="Also write the table to this file.")
def table(out: Path | None) -> None:
    """Every trainer against every layer: caught or not, the statistic and its threshold."""
    shown = Table("trainer", "epsilon bound", "conformance in the run", "self-test", "s")
    trainers = {"right": lambda: production_trainer, **{n: b.train for n, b in ALL.items()}}
    for name, make in trainers.items():
        began = time.perf_counter()
        result = run_self_test(make(), fresh_stream())
        verdict = audited_run(make(), fresh_stream())
        seconds = time.perf_counter() - began
        shown.add_row(
            name,
            bound_cell(verdict),
            conformance_cell(verdict),
            self_test_cell(result),
            f"{seconds:.0f}",
            end_section=name in ("right", list(THIRTEEN)[-1]),
        )
    console = Console(width=190, record=True)
    console.print(shown)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(console.export_text(), encoding="utf-8")


@main.command()
@click.option("--seeds", default=20)
def right(seeds: int) -> None:
    """The right trainer over many seeds: it has to pass."""
    passed = 0
    for _ in range(seeds):
        result = run_self_test(production_trainer, fresh_stream())
        verdict = audited_run(production_trainer, fresh_stream())
        passed += result.passed and verdict.verdict == "pass"
        worst = min(check.value for check in result.checks if check.kind == "at least")
        print(
            f"self-test worst p {worst:.2e}; audit {verdict.verdict} p {verdict.conformance_p:.2e}"
        )
    print(f"{passed} of {seeds} passed self-test and audit")


if __name__ == "__main__":
    main()
