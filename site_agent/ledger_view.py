"""Show a site's budget ledger to its administrator: budgets, history, verification, export."""

import json
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from site_agent.ledger_file import LedgerFile


def print_ledger(ledger: LedgerFile) -> None:
    console = Console()
    budgets = Table(title="Budgets by cohort", title_justify="left")
    for column in ("cohort", "spent epsilon", "cap", "delta", "spent this year", "cap a year"):
        budgets.add_column(column, justify="left" if column == "cohort" else "right")
    for budget in ledger.budgets():
        budgets.add_row(
            budget.cohort,
            f"{budget.spent_epsilon:.3f}",
            f"{budget.cap_epsilon:g}",
            f"{budget.delta:g}",
            f"{budget.year_spent_epsilon:.3f} in {budget.year}",
            "-" if budget.year_cap_epsilon is None else f"{budget.year_cap_epsilon:g}",
        )
    console.print(budgets)
    console.print(_history(ledger))


def _history(ledger: LedgerFile) -> Table:
    """One row an entry; what happens to a hold is shown with the run and round that it is for."""
    table = Table(title="History", title_justify="left")
    for column in ("entry", "time (UTC)", "what", "for", "round", "plan"):
        table.add_column(column, no_wrap=True)
    rounds: dict[str, tuple[str, str, str]] = {}
    for sequence, event in ledger.history():
        values = event.model_dump()
        about = ("", "", "")
        if event.event == "reserved":
            plan = event.plan_digest.removeprefix("sha256:")[:12]
            about = rounds[event.hold] = (event.run, str(event.round_number), plan)
        elif "hold" in values:
            about = rounds[values["hold"]]
        elif "cohort" in values:
            about = (f"cohort {values['cohort']}", "", "")
        when = datetime.fromtimestamp(event.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(str(sequence), when, event.event.replace("_", " "), *about)
    return table


def print_verification(ledger: LedgerFile) -> None:
    entries = ledger.verify(None)
    head = ledger.head()
    print(f"{entries} entries verified; head {head.sequence}:{head.hash}")


def export_ledger(ledger: LedgerFile) -> None:
    for sequence, event in ledger.history():
        row = {"sequence": sequence, **event.model_dump(mode="json")}
        print(json.dumps(row, sort_keys=True))
