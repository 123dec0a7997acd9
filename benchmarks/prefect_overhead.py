"""Seconds that a round costs over the transport `prefect` when its three sites have nothing to do.

A site that has done a round answers the same task from its outbox. What is left is the transport:
flow runs, polling, a child process a site, blobs. Starts a Prefect server and three workers.

    python -m benchmarks.prefect_overhead [ROUNDS]
"""

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path

from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from fedclinic.evidence.statement import Envelope, sign
from fedclinic.plan import FederationPlan
from fedclinic.rounds import PREPARE_KIND, TASK_KIND, PrepareTask, RoundTask
from fedclinic.transports import PrefectTransport
from flows.coordinator_key import load_coordinator_key
from flows.plan_file import calibrate
from flows.rounds import work_of
from flows.sites import Sites
from flows.sites.work_pools import WorkPoolSites
from site_agent.synthesize import write_cohort
from tests.end_to_end.conftest import plan_document, site_document
from tests.prefect_stage import PrefectStage, transport_of, write_yaml
from tests.tiny_models import save_tiny_bert

SITES = ("north", "south", "east")


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = PrefectStage(Path(folder))
        plan = write_federation(stage)
        transport = plan.transport
        assert isinstance(transport, PrefectTransport)
        settings = {PREFECT_API_URL: stage.api, PREFECT_API_AUTH_STRING: stage.password}
        try:
            stage.start_server()
            with (
                temporary_settings(settings),
                WorkPoolSites(plan, transport, stage.workspace, None) as sites,
            ):
                for site in SITES:
                    stage.start_worker(site, stage.root / "site.yaml")
                print(f"prepare          {all_sites(stage, plan, sites, 0):6.1f} s")
                print(f"a round of work  {all_sites(stage, plan, sites, 1):6.1f} s")
                for _ in range(rounds):
                    print(f"an idle round    {all_sites(stage, plan, sites, 1):6.1f} s")
        finally:
            stage.stop()


def write_federation(stage: PrefectStage) -> FederationPlan:
    model = stage.root / "model"
    model.mkdir(parents=True)
    save_tiny_bert(model)
    write_cohort(
        stage.root / "notes", hospitals=SITES, patients=12, test_patients=2, alpha=1.0, seed=3
    )
    site = site_document("{site}", "notes/{site}.jsonl", model, evaluation=False)
    site["worker"] = {"api": stage.api, "blobs": stage.blobs}
    write_yaml(stage.root / "site.yaml", site)
    document = plan_document() | {
        "sites": [{"name": name, "weight": 1} for name in SITES],
        "transport": transport_of(stage, SITES),
    }
    return calibrate(FederationPlan.model_validate(document))


def all_sites(stage: PrefectStage, plan: FederationPlan, sites: Sites, number: int) -> float:
    """Seconds until every site has answered; round 0 prepares."""
    began = time.monotonic()
    with ThreadPoolExecutor() as threads:
        asked = [
            threads.submit(copy_context().run, sites.submit, name, task(stage, plan, name, number))
            for name in SITES
        ]
        for each in asked:
            each.result()
    return time.monotonic() - began


def task(stage: PrefectStage, plan: FederationPlan, site: str, number: int) -> Envelope:
    common = {
        "run": "overhead",
        "site": site,
        "plan_digest": plan.digest(),
        "nonce": "0" * 32,
        "deadline": time.time() + 600,
    }
    key = load_coordinator_key(stage.workspace)
    if number == 0:
        parts = {"task": plan.task, "base_model": plan.base_model, "layers": plan.layers}
        return sign(PrepareTask.model_validate(common | parts), PREPARE_KIND, key)
    parts = {"round_number": number, "work": work_of(plan), "state": None}
    return sign(RoundTask.model_validate(common | parts), TASK_KIND, key)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
