"""The last ledger head that each site reported: a site whose ledger is older was restored."""

from fedclinic.rounds import LedgerHead
from flows.run_store import RunStore
from flows.settings import Workspace


def last_heads(workspace: Workspace, federation: str) -> dict[str, LedgerHead]:
    """The newest head of every site, over all runs of a federation in this workspace."""
    found: dict[str, LedgerHead] = {}
    for path in workspace.runs.glob("*/run.json"):
        store = RunStore(path.parent)
        if store.header().plan.federation != federation:
            continue
        for record in store.rounds():
            for outcome in record.outcomes:
                head = outcome.report.ledger if outcome.report else None
                known = found.get(outcome.site)
                if head is not None and (known is None or head.sequence > known.sequence):
                    found[outcome.site] = head
    return found
