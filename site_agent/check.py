"""Say whether a site is ready for a plan: configuration, policy, notes, model, ledger."""

from pathlib import Path

from rich.console import Console

from fedclinic.config import parse_document
from fedclinic.errors import ConfigError
from fedclinic.plan import FederationPlan
from site_agent.models import check_base_model, load_base_model, pick_precision
from site_agent.opening import OpenSite
from site_agent.readers import read_notes


def check_site(site: OpenSite, plan_path: Path) -> None:
    """Print what was checked, one line each; the first thing that is wrong is raised.

    Raises:
        FedclinicError: saying what is wrong and what to do.
    """
    console = Console()
    try:
        text = plan_path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise ConfigError(f"cannot read plan {plan_path}: {reason}") from None
    plan = parse_document(text, FederationPlan, source=str(plan_path))
    console.print(f"configuration  site {site.config.site}, policies readable")
    entries = site.ledger.verify(None)
    console.print(f"ledger         {entries} entries verified")
    patients: set[str] = set()
    notes = 0
    for note in read_notes(site.config.notes, plan.task):
        patients.add(note.patient)
        notes += 1
    if len(patients) < site.config.min_patients:
        raise ConfigError(
            f"{len(patients)} patients, and min_patients is {site.config.min_patients}"
        )
    console.print(f"notes          {notes} notes of {len(patients)} patients, labels in the plan")
    check_base_model(plan.base_model, plan.layers, site.config)
    base = load_base_model(plan.base_model, site.config)
    console.print(f"model          {plan.base_model.name} {base.digest[:19]}")
    precision = pick_precision(site.config.device, site.config.precision)
    console.print(f"device         {precision.device}, {'bf16' if precision.bf16 else 'fp32'}")
    console.print("ready")
