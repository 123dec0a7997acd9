"""One `fedclinic-site deid run`: the flow, what it says, and its record in the site's MLflow."""

import time
from pathlib import Path

from rich.console import Console

from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.tagger import embedded_tagger
from fedclinic.documents import load_document
from fedclinic.plan import FederationPlan, Task
from site_agent.deid_flow import deidentify_notes, watched_by
from site_agent.deid_view import DeidentificationBars, print_counts, print_measured
from site_agent.egress import disclose_summary, summarise
from site_agent.opening import OpenSite
from site_agent.tracking import log_deidentification


def run_deidentification(site: OpenSite, plan: Path | None, canary_notes: int) -> None:
    """Bring the store up to date and say what came of it.

    Raises:
        FedclinicError: saying what is wrong and what to do.
    """
    console = Console()
    began = time.monotonic()
    try:
        with DeidentificationBars(console) as bars, watched_by(bars):
            deidentify_notes(site, _task_of(plan, site.config.site), canary_notes)
    except KeyboardInterrupt:
        console.print("\nstopped; what was treated is kept, and the next run goes on from there")
        raise
    counts = site.store.measures.counts()
    print_counts(console, site.store, counts)
    measured = site.store.measures.measured() if canary_notes else None
    print_measured(console, measured)
    if site.config.tracking is not None:
        policy = site.deidentification_policy.digest()
        run = log_deidentification(
            site.config.tracking,
            site=site.config.site,
            summary=disclose_summary(summarise(counts, policy, measured), site.disclosure_policy),
            digests=digests_of(site),
            seconds=time.monotonic() - began,
        )
        console.print(f"MLflow run {run} in {site.config.tracking.uri}", highlight=False)


def digests_of(site: OpenSite) -> dict[str, str]:
    """Digests of all that decided what was replaced."""
    model = site.config.deidentification.model
    digests = {
        "policy": site.deidentification_policy.digest(),
        "treatment": site.treatment(),
        "dictionaries": lexicon().digest,
        "tagger": embedded_tagger().digest,
    }
    return digests if model is None else digests | {"site_model": model.digest}


def _task_of(plan: Path | None, site: str) -> Task | None:
    if plan is None:
        return None
    return load_document(plan, FederationPlan, "plan").task_at(site)
