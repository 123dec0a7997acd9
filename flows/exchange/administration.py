"""What the coordinator's administrator does with sites, and sees of them."""

import time
from datetime import datetime

from pydantic import TypeAdapter, ValidationError
from rich.table import Table

from fedclinic.errors import ConfigError
from fedclinic.evidence.events import COORDINATOR
from fedclinic.invitation import Invitation, write_token
from fedclinic.records import Name
from flows.auditing.bundles import revoke_everywhere
from flows.coordinator_key import load_coordinator_key
from flows.exchange.address import read_address
from flows.exchange.exchange import Exchange, open_exchange
from flows.exchange.registry import KnownSite
from flows.exchange.settings import exchange_settings
from flows.exchange.task_rows import TaskView
from flows.run_store import RunStore, SiteOutcome
from flows.settings import Workspace

_NAME: TypeAdapter[str] = TypeAdapter(Name)


def invite_site(workspace: Workspace, name: str, hours: float) -> str:
    """Make a token for a new site.

    Raises:
        ConfigError: if the name cannot be a site's, or the exchange was never started.
        RunError: if the site has joined already.
    """
    try:
        _NAME.validate_python(name)
    except ValidationError:
        raise ConfigError(
            f"'{name}' cannot be a site's name: small letters, digits, - and _"
        ) from None
    if name == COORDINATOR:
        raise ConfigError(f"no site is called '{name}': the coordinator uses that name")
    exchange = _open(workspace)
    address = read_address(exchange.settings.root)
    key = load_coordinator_key(workspace).public
    secret, expires = exchange.registry.invite(name, hours=hours)
    return write_token(
        Invitation(
            url=address.url,
            site=name,
            secret=secret,
            coordinator=key.raw.hex(),
            authority=address.authority,
            expires=expires,
        )
    )


def revoke_site(workspace: Workspace, name: str) -> None:
    """Accept nothing more from a site, and say so in the log of each federation that it is in."""
    _open(workspace).registry.revoke(name)
    revoke_everywhere(workspace, name)


def site_table(workspace: Workspace) -> Table:
    exchange = _open(workspace)
    table = Table("site", "state", "key", "last seen", "version", box=None)
    for site in exchange.registry.all():
        state = "revoked" if site.revoked else "in force"
        table.add_row(site.name, state, site.key.raw.hex()[:16], _ago(site), site.version or "")
    for name in exchange.registry.waiting():
        table.add_row(name, "invited", "", "", "")
    return table


def status_table(workspace: Workspace) -> Table:
    """Sites with what they do now and what their last report said."""
    exchange = _open(workspace)
    newest = exchange.queue.newest()
    outcomes = _last_outcomes(workspace)
    table = Table(
        "site", "last seen", "version", "run", "round", "doing", "budget left", "last refusal",
        box=None,
    )  # fmt: skip
    for site in exchange.registry.all():
        task, outcome = newest.get(site.name), outcomes.get(site.name)
        table.add_row(
            site.name,
            "revoked" if site.revoked else _ago(site),
            site.version or "",
            task.run if task else "",
            str(task.round_number) if task and task.round_number else "",
            _doing(task),
            _budget_left(outcome),
            outcome.reason if outcome and outcome.verdict != "admitted" else "",
        )
    return table


def _open(workspace: Workspace) -> Exchange:
    return open_exchange(exchange_settings(workspace))


def _doing(task: TaskView | None) -> str:
    if task is None:
        return "nothing yet"
    if task.state == "leased":
        progress = f" {task.done}/{task.total}" if task.total else ""
        return f"{task.stage or 'starting'}{progress}"
    return {"queued": "waiting for it", "done": "idle", "late": "idle (was late)"}[task.state]


def _ago(site: KnownSite) -> str:
    if site.last_seen is None:
        return "never"
    seconds = time.time() - site.last_seen
    if seconds < 120:
        return f"{seconds:.0f} s ago"
    return datetime.fromtimestamp(site.last_seen).strftime("%Y-%m-%d %H:%M")


def _budget_left(outcome: SiteOutcome | None) -> str:
    if outcome is None or outcome.report is None or outcome.report.budget is None:
        return ""
    budget = outcome.report.budget
    return f"{budget.left_epsilon:.2f} of {budget.caps}"


def _last_outcomes(workspace: Workspace) -> dict[str, SiteOutcome]:
    """The last outcome of every site, over all runs."""
    found: dict[str, SiteOutcome] = {}
    runs = sorted(workspace.runs.glob("*/run.json"), key=lambda path: path.stat().st_mtime)
    for path in runs:
        for record in RunStore(path.parent).rounds():
            found |= {outcome.site: outcome for outcome in record.outcomes}
    return found
