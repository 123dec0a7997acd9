"""The audits at the end of a run, as Prefect tasks: what they need from the run's folder, and where
what was said and judged is kept."""

import time

from prefect import task
from prefect.cache_policies import NO_CACHE

from fedclinic.digest import digest_record
from fedclinic.evidence.events import AuditJudged
from fedclinic.evidence.statement import Envelope, statement_kind
from fedclinic.records import Digest
from flows.memory_gate import judge_memory
from flows.revealing import (
    Audited,
    SiteAudit,
    audit_site,
    installed_policy,
)
from flows.rounds import Federation, work_of
from flows.run_records import RunRecords
from flows.run_store import RunStore
from flows.sites import Sites


@task(task_run_name="audit: {site}", cache_policy=NO_CACHE, persist_result=False)
def audit_one(audited: Audited, sites: Sites, site: str, deadline: float) -> SiteAudit:
    return audit_site(audited, sites, site, deadline=deadline)


def audit_run(
    federation: Federation,
    records: RunRecords,
    sites: Sites,
    state: Digest | None,
    *,
    deadline: float,
) -> tuple[AuditJudged, ...]:
    """Audit every site and the model; keeps what was said and judged, and returns the verdicts.

    Args:
        federation: the run.
        records: its folder and log.
        sites: reached as in its rounds.
        state: blob of the model that is about to be released.
        deadline: of the reveals, in seconds since the epoch.
    """
    audited = _audited(federation, records.store, state)
    records.log.put_in_force("auditing", digest_record(audited.policy), time.time())
    futures = {
        site: audit_one.submit(audited, sites, site, deadline)
        for site in federation.plan.site_names()
        if site in federation.site_keys
    }
    results = {site: future.result() for site, future in futures.items()}
    for site, result in results.items():
        records.keep_said(federation.run, site, federation.site_keys[site], result.said)
    judged = [result.judged for result in results.values() if result.judged is not None]
    scores = [result.scores for result in results.values() if result.scores is not None]
    memory = judge_memory(federation.run, audited.policy.memorisation, scores)
    verdicts = (*judged, *([memory] if memory is not None else []))
    records.keep_audits(verdicts)
    return verdicts


def _audited(federation: Federation, store: RunStore, state: Digest | None) -> Audited:
    coordinates: dict[str, tuple[Digest, ...]] = {}
    for record in store.rounds():
        for outcome in record.outcomes:
            audit = outcome.report.audit if outcome.report else None
            if audit is not None:
                before = coordinates.get(outcome.site, ())
                coordinates[outcome.site] = (*before, audit.coordinates)
    return Audited(
        run=federation.run,
        plan=federation.plan,
        work=work_of(federation.plan),
        state=state,
        key=federation.key,
        site_keys=federation.site_keys,
        blobs=federation.blobs,
        policy=installed_policy(),
        committed={
            site: said[0] for site in federation.site_keys if (said := _commitments(store, site))
        },
        coordinates=coordinates,
    )


def _commitments(store: RunStore, site: str) -> list[Envelope]:
    """What a site committed to, the first time first: that was before it trained."""
    return [said for said in store.said(site) if statement_kind(said) == "audit-committed"]
