"""Show a site's budget ledger to its administrator: budgets, history, verification, export."""

import json
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from site_agent.ledger_file import LedgerFile


def print_ledger(ledger: LedgerFile) -> None:
    console = Console()
    budgets = Table(
        title="Budgets in epsilon by cohort, for life and this year", title_justify="left"
    )
    for column in ("cohort", "delta", "spent", "of", "left", "spent in year", "of", "left"):
        budgets.add_column(column, justify="left" if column == "cohort" else "right")
    for budget in ledger.budgets():
        year_cap, year_spent = budget.year_cap_epsilon, budget.year_spent_epsilon
        budgets.add_row(
            budget.cohort,
            f"{budget.delta:g}",
            f"{budget.spent_epsilon:.3f}",
            f"{budget.cap_epsilon:g}",
            f"{budget.cap_epsilon - budget.spent_epsilon:.3f}",
            f"{year_spent:.3f} in {budget.year}",
            "-" if year_cap is None else f"{year_cap:g}",
            "-" if year_cap is None else f"{year_cap - year_spent:.3f}",
        )
    console.print(budgets)
    console.print(_history(ledger))


def _history(ledger: LedgerFile) -> Table:
    """One row an entry; a hold is told with its run and plan, and who approved it, once."""
    table = Table(title="History", title_justify="left", box=None)
    for column in ("entry", "time (UTC)", "what", "about"):
        table.add_column(column, no_wrap=column != "about", overflow="fold")
    rounds: dict[str, str] = {}
    for sequence, event in ledger.history():
        values = event.model_dump()
        about = ""
        if event.event == "reserved":
            rounds[event.hold] = f"round {event.round_number} of {event.run}"
            plan = event.plan_digest.removeprefix("sha256:")[:12]
            approved = (event.approved_by or "nobody named")[: len("coordinator 01234567")]
            about = f"{rounds[event.hold]}, plan {plan}, approved by {approved}"
        elif "hold" in values:
            about = rounds[values["hold"]]
        elif "cohort" in values:
            about = f"cohort {values['cohort']}"
        when = datetime.fromtimestamp(event.at, UTC).strftime("%Y-%m-%d %H:%M")
        table.add_row(str(sequence), when, event.event.replace("_", " "), about)
    return table


def print_verification(ledger: LedgerFile) -> None:
    entries = ledger.verify(None)
    head = ledger.head()
    print(f"{entries} entries verified; head {head.sequence}:{head.hash}")


def export_ledger(ledger: LedgerFile) -> None:
    for sequence, event in ledger.history():
        row = {"sequence": sequence, **event.model_dump(mode="json")}
        print(json.dumps(row, sort_keys=True))
