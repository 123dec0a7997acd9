"""Make a run ready: every site prepared and accepted, one model, one set of tensors."""

import time
from dataclasses import dataclass

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import wait

from fedclinic.evidence.keys import SigningKey
from fedclinic.methods import make_method
from fedclinic.rounds import SitePrepared
from fedclinic.updates.blobs import BlobFolder
from flows.asking import ask_to_prepare
from flows.attendance import Attendance, check_attendance
from flows.observing import current_observer
from flows.rounds import Federation, check_update_bound
from flows.run_records import RunRecords
from flows.run_store import RunHeader, RunStore
from flows.settings import Workspace
from flows.sites import EVALUATION_SITE, Sites
from flows.witnessed import last_heads


@dataclass(frozen=True)
class Run:
    """What the flow's tasks share; lives in the flow's process only."""

    records: RunRecords
    header: RunHeader
    federation: Federation
    sites: Sites
    attendance: Attendance
    ready: dict[str, SitePrepared]
    """How each site that was there, the evaluation notes' included, made itself ready."""

    @property
    def blobs(self) -> BlobFolder:
        return self.federation.blobs

    @property
    def store(self) -> RunStore:
        return self.records.store


@task(task_run_name="prepare {site}", cache_policy=NO_CACHE, persist_result=False)
def prepare_site(
    sites: Sites, site: str, header: RunHeader, records: RunRecords, key: SigningKey
) -> SitePrepared:
    return get_ready(sites, site, header, records, key)


def get_ready(
    sites: Sites, site: str, header: RunHeader, records: RunRecords, key: SigningKey
) -> SitePrepared:
    """Have a site make itself ready, and accept the key that it signs with."""
    witnessed = last_heads(Workspace(records.store.root.parents[1]), header.plan.federation)
    prepared, answer = ask_to_prepare(
        sites,
        site,
        header.plan,
        header.run,
        key,
        deadline=deadline_of(header),
        witness=witnessed.get(site),
    )
    if site != EVALUATION_SITE:
        records.accept_site(site, sites.key(site), answer.events)
        records.keep_said(header.run, site, sites.key(site), answer.events)
    return prepared


def prepare_run(
    workspace: Workspace, records: RunRecords, sites: Sites, header: RunHeader, key: SigningKey
) -> Run:
    """Have every site make itself ready; they train one model, of one shape."""
    names = (*header.plan.site_names(), EVALUATION_SITE)
    futures = [prepare_site.submit(sites, site, header, records, key) for site in names]
    wait(futures)
    asked = dict(zip(names, futures, strict=True))
    missing = {
        site: str(future.result(raise_on_failure=False))
        for site, future in asked.items()
        if future.state.is_failed()
    }
    check_attendance(header.plan, missing)
    ready = {site: future.result() for site, future in asked.items() if site not in missing}
    attendance = Attendance(sites, ready, lambda site: get_ready(sites, site, header, records, key))
    current_observer().prepared(header, ready)
    shapes = ready[EVALUATION_SITE].shapes
    check_update_bound(header.plan, shapes)
    whole = max(prepared.model_parameters for prepared in ready.values())
    header = header.model_copy(update={"model_parameters": whole, "shapes": shapes})
    records.store.write_header(header)
    plan = header.plan
    federation = Federation(
        run=header.run,
        plan=plan,
        method=make_method(plan.method, plan.site_names()),
        schema=shapes,
        key=key,
        site_keys=attendance.keys,
        blobs=BlobFolder(workspace.blobs),
    )
    return Run(records, header, federation, sites, attendance, ready)


def inputs_of(run: Run) -> dict[str, str]:
    """What the run works on, by digest, as each site signed it.

    Of a hospital's notes it is how they were de-identified, and a digest that only the hospital can
    repeat; the evaluation notes, which are public or consented, are named by their own.
    """
    model = run.header.plan.base_model.name
    inputs = {f"base model {model}": run.ready[EVALUATION_SITE].base_model}
    for site, prepared in run.ready.items():
        inputs[f"notes of {site}, as de-identified"] = prepared.deidentification.policy
        if prepared.deidentification.store is not None:
            own = "evaluation notes" if site == EVALUATION_SITE else f"notes of {site}, by its key"
            inputs[own] = prepared.deidentification.store
    return inputs


def deadline_of(header: RunHeader) -> float:
    return time.time() + 60 * header.plan.deadline_minutes
