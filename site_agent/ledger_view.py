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
    history = Table(title="History", title_justify="left")
    for column in ("entry", "time (UTC)", "what", "run", "round", "plan"):
        history.add_column(column)
    for sequence, event in ledger.history():
        values = event.model_dump()
        history.add_row(
            str(sequence),
            datetime.fromtimestamp(values["at"], UTC).strftime("%Y-%m-%d %H:%M:%S"),
            event.event.replace("_", " "),
            str(values.get("run", values.get("hold", values.get("cohort", "")))),
            str(values.get("round_number", "")),
            str(values.get("plan_digest", ""))[:19],
        )
    console.print(history)


def print_verification(ledger: LedgerFile) -> None:
    entries = ledger.verify(None)
    head = ledger.head()
    print(f"{entries} entries verified; head {head.sequence}:{head.hash}")


def export_ledger(ledger: LedgerFile) -> None:
    for sequence, event in ledger.history():
        row = {"sequence": sequence, **event.model_dump(mode="json")}
        print(json.dumps(row, sort_keys=True))
