"""End a run: register its model, write its pages, sign what MLflow shows, have the log cosigned."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fedclinic.digest import digest_bytes
from fedclinic.evidence.events import ModelRegistered, RunRecorded, Verdict
from fedclinic.evidence.model_card import render_model_card
from fedclinic.evidence.release_gate import judge_release
from fedclinic.evidence.report import render_report
from fedclinic.evidence.run_evidence import RunEvidence
from fedclinic.methods import ServerState
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.mechanism import PrivacyPromise
from flows.auditing.self_check import check_own_log
from flows.coordinator_key import load_coordinator_key
from flows.cosigning import cosign_log
from flows.federation_log import FederationLog
from flows.registered_model import write_model_folder
from flows.run_evidence import audits_of, gather_evidence
from flows.run_store import RunHeader, RunStore, write_whole
from flows.settings import Workspace
from flows.sites import Sites
from flows.tracking.tracker import Registered, Tracker


@dataclass(frozen=True)
class Ending:
    """What ending a run needs of it."""

    workspace: Workspace
    store: RunStore
    header: RunHeader
    log: FederationLog
    tracker: Tracker

    @property
    def parent(self) -> str:
        return str(self.header.tracking_run)


def finish_run(ending: Ending, state: ServerState, sites: Sites, present: tuple[str, ...]) -> str:
    """End a run whose rounds are done; returns the registered model's address, if it has one.

    Args:
        present: sites that took part and can be asked to cosign.
    """
    gate = _gate(ending)
    registered = None
    if gate != "fail" and not keeps_own_models(ending.header):
        registered = _register(ending, state, gate)
    files = sorted(ending.store.root.glob("*.json"))
    evidence = _evidence(ending)
    report = render_report(evidence)
    texts = {"report.html": report, "model_card.md": render_model_card(evidence)}
    ending.tracker.finish(ending.parent, files, texts)
    record_end(ending, "finished")
    cosign_log(
        sites,
        ending.log,
        ending.header.run,
        load_coordinator_key(ending.workspace),
        tuple(site for site in ending.header.plan.site_names() if site in present),
    )
    root = ending.log.root().hex()
    tags = {"log": ending.log.origin, "statements": str(len(ending.log.envelopes)), "root": root}
    ending.tracker.point_to_log(ending.parent, tags)
    write_whole(ending.store.report, report.encode())
    return registered.address if registered else ""


def record_end(ending: Ending, ended: Literal["finished", "stopped", "failed"]) -> None:
    """Keep what MLflow shows of the run now, and state its digests."""
    snapshots = ending.tracker.snapshots(ending.parent)
    ending.log.keep_snapshots(
        snapshots,
        RunRecorded(
            at=time.time(),
            run=ending.header.run,
            ended=ended,
            snapshots={snapshot.run_id: snapshot.digest() for snapshot in snapshots},
        ),
    )


def keeps_own_models(header: RunHeader) -> bool:
    """Whether there is a model a site and no global one."""
    return header.plan.method.name == "local_only"


def _evidence(ending: Ending) -> RunEvidence:
    return gather_evidence(
        ending.workspace,
        ending.header.run,
        "finished",
        entries=ending.log.entries(),
        verification=check_own_log(ending.log),
    )


def _gate(ending: Ending) -> Verdict:
    """What the run's audits allow its model to be called."""
    plan = ending.header.plan
    audits = audits_of(ending.log.entries(), ending.header.run, plan.site_names())
    return judge_release(audits, protected=plan.is_protected())


def _register(ending: Ending, state: ServerState, gate: Verdict) -> Registered:
    """Register the final global model and state under which promise and verdict, at once."""
    header, plan = ending.header, ending.header.plan
    card = gather_evidence(ending.workspace, header.run, "finished", entries=ending.log.entries())
    folder = write_model_folder(ending.workspace, header, state, render_model_card(card))
    checkpoint = ending.store.rounds()[-1].checkpoint
    tags = {
        "fedclinic.run": header.run,
        "fedclinic.plan": plan.digest(),
        "fedclinic.state": checkpoint,
        "fedclinic.gate": gate,
    }
    registered = ending.tracker.register(ending.parent, plan.federation, folder, tags)
    ending.log.state(
        ModelRegistered(
            at=time.time(),
            run=header.run,
            model=registered.model,
            version=registered.version,
            mlflow_run=ending.parent,
            source=registered.source,
            state=checkpoint,
            files=_digests(folder),
            promise=promise_of(header),
            gate=gate,
        )
    )
    ending.tracker.call(registered, gate)
    return registered


def promise_of(header: RunHeader) -> PrivacyPromise | None:
    """What the plan promises each patient."""
    privacy = header.plan.privacy
    if not isinstance(privacy, PatientPrivacy):
        return None
    return PrivacyPromise(epsilon=privacy.target_epsilon, delta=privacy.delta)


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): digest_bytes(path.read_bytes()) for path in files}
