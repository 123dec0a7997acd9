"""Say whether a site is ready for a plan: configuration, policy, notes, model, ledger."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console

from fedclinic.documents import load_document
from fedclinic.plan import FederationPlan
from site_agent.connection_check import check_connection, check_disk
from site_agent.keys import coordinator_keys
from site_agent.models import check_base_model, load_base_model, pick_precision
from site_agent.opening import OpenSite
from site_agent.prepare import check_notes


def check_site(site: OpenSite, plan_path: Path | None) -> None:
    """Print what was checked, one line each; the first thing that is wrong is raised.

    Notes and model are checked against a plan, the connection where the site has joined one.

    Raises:
        FedclinicError: saying what is wrong and what to do.
    """
    console = Console()
    say = partial(console.print, highlight=False, soft_wrap=True)
    say(f"configuration  site {site.config.site}, policies readable")
    trusted = coordinator_keys(site.config.permissions.coordinators)
    say(f"coordinators   {len(trusted)} trusted")
    entries = site.ledger.verify(None)
    say(f"ledger         {entries} entries verified")
    check_disk(site.home, say)
    precision = pick_precision(site.config.device, site.config.precision)
    say(f"device         {precision.device}, {'bf16' if precision.bf16 else 'fp32'}")
    if plan_path is not None:
        _check_plan(site, load_document(plan_path, FederationPlan, "plan"), say)
    if site.home.exchange.exists():
        check_connection(site.home, say)
    say("ready" if plan_path is not None else "ready; --plan checks notes and model too")


def _check_plan(site: OpenSite, plan: FederationPlan, say: Callable[[str], None]) -> None:
    read = check_notes(site.config, plan.task_at(site.config.site))
    say(f"notes          {read.notes} notes of {read.patients} patients, labels in the plan")
    for label in read.unmarked:
        say(
            f"labels         no note marks '{label}': rare is fine; where nobody looked for it, "
            f"ask that the plan's sites list the labels of {site.config.site}"
        )
    check_base_model(plan.base_model, plan.layers, site.config)
    base = load_base_model(plan.base_model, site.config)
    say(f"model          {plan.base_model.name} {base.digest[:19]}")
