"""Go on with a new key of the coordinator's, so that every log says so and no site is lost."""

import time

from fedclinic.errors import ConfigError
from fedclinic.evidence.events import COORDINATOR
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.rotation import rotation_of
from flows.auditing.bundles import open_log
from flows.coordinator_key import load_coordinator_key, load_key
from flows.run_store import RunStore
from flows.settings import Workspace


def next_coordinator_key(workspace: Workspace) -> SigningKey:
    """The key that comes next, made on first use; hospitals allow it before it is in force."""
    return load_key(workspace.next_signing_key)


def rotate_coordinator_key(workspace: Workspace) -> SigningKey:
    """Put the next key in force; returns it. Begun anew after an interruption, it ends the same.

    Every log gets the statement of it, signed by the old key and the new one. The old key is kept
    aside.

    Raises:
        ConfigError: if no next key was made, which hospitals have to know first.
    """
    if not workspace.next_signing_key.is_file():
        raise ConfigError("there is no next key yet: fedclinic key next, and give it to the sites")
    old, fresh = load_coordinator_key(workspace), next_coordinator_key(workspace)
    for path in sorted(workspace.logs.glob("*/log.jsonl")):
        event = rotation_of(COORDINATOR, old, fresh, time.time())
        open_log(workspace, path.parent.name).rotate(event, fresh)
    aside = workspace.signing_key.with_name(f"coordinator.{old.key_id[:8]}.pem")
    if not aside.exists():
        aside.hardlink_to(workspace.signing_key)
    workspace.next_signing_key.replace(workspace.signing_key)
    return fresh


def unfinished_runs(workspace: Workspace) -> list[str]:
    """Runs whose tasks carry the key that is in force: with another they cannot be gone on with."""
    runs = (RunStore(path.parent) for path in sorted(workspace.runs.glob("*/run.json")))
    return [run.name for run in runs if not run.is_finished()]
