"""Hand a federation's evidence out, and take a site's key out of it."""

import time
from pathlib import Path
from typing import Literal, cast

from fedclinic.digest import digest_bytes
from fedclinic.errors import EvidenceError
from fedclinic.evidence.events import COORDINATOR, ExportMade, SiteRevoked
from flows.coordinator_key import load_coordinator_key
from flows.federation_log import FederationLog, open_log_of
from flows.run_store import RunStore, write_whole
from flows.settings import Workspace

Reason = Literal["left", "key lost", "key stolen", "misconduct"]


def open_log(workspace: Workspace, federation: str) -> FederationLog:
    """The log of a federation that there is."""
    if not workspace.signing_key.is_file():
        raise EvidenceError(f"{workspace.root} has no coordinator's key: is it a workspace?")
    return open_log_of(workspace, federation, load_coordinator_key(workspace))


def find_log(workspace: Workspace, name: str) -> tuple[FederationLog, str | None]:
    """The log that a run's or federation's name means, and the run if it is one."""
    store = RunStore(workspace.runs / name)
    if (store.root / "run.json").is_file():
        return open_log(workspace, store.header().plan.federation), name
    return open_log(workspace, name), None


def write_bundle(workspace: Workspace, name: str, out: Path) -> str:
    """Write a bundle and state that it left; returns a line that says what it is."""
    log, run = find_log(workspace, name)
    made = log.bundle(run)
    content = made.model_dump_json().encode()
    event = ExportMade(
        at=time.time(),
        actor=COORDINATOR,
        run=run,
        what="bundle",
        digest=digest_bytes(content),
        recipient="auditor",
    )
    log.state(event)
    write_whole(out, content)
    names = ", ".join(log.witnesses(made.checkpoint)) or "no hospital"
    return (
        f"{out}: log {made.origin}, {len(made.entries)} statements, {len(made.snapshots)} MLflow "
        f"runs; cosigned by {names}"
    )


def revoke_everywhere(workspace: Workspace, site: str) -> None:
    """State in every log in which a site's key is in force that it left."""
    for path in sorted(workspace.logs.glob("*/log.jsonl")):
        log = open_log(workspace, path.parent.name)
        if site in log.keyring().site_keys():
            revoke_site(workspace, path.parent.name, site, "left")


def revoke_site(workspace: Workspace, federation: str, site: str, reason: str) -> str:
    """State that a site's key is no longer accepted.

    Raises:
        EvidenceError: if the site has no key in force.
    """
    log = open_log(workspace, federation)
    key = log.keyring().site_keys().get(site)
    if key is None:
        raise EvidenceError(f"site '{site}' has no key in force in log {log.origin}")
    event = SiteRevoked(at=time.time(), site=site, key_id=key.key_id, reason=cast(Reason, reason))
    log.state(event)
    return f"key {key.key_id} of {site} is revoked; its next key is accepted when it takes part"
