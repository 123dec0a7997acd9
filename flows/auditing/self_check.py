"""The coordinator's own check of its log: what an auditor will find, found first.

The keys are those that the log names, so it shows that the evidence agrees with itself; who the
sites are, an auditor asks the hospitals.
"""

from fedclinic.errors import EvidenceError
from fedclinic.evidence.findings import unverifiable
from fedclinic.evidence.run_evidence import Verification
from fedclinic.evidence.snapshot import StoreSnapshot
from fedclinic.evidence.verify import verify
from flows.federation_log import FederationLog
from flows.settings import Workspace
from flows.tracking.store import read_store_at


def check_own_log(log: FederationLog, store: StoreSnapshot | None = None) -> Verification:
    """Verify the log as it is now, and MLflow against it if it is given."""
    bundle = log.whole()
    checkpoint, _ = log.cosigned()
    return Verification(
        origin=log.origin,
        statements=len(bundle.entries),
        root=f"sha256:{log.root().hex()}",
        witnesses=log.witnesses(checkpoint) if checkpoint else (),
        compared_with_mlflow=store is not None,
        findings=tuple(verify(bundle, log.own_trust(), store)),
    )


def check_with_mlflow(log: FederationLog, workspace: Workspace, federation: str) -> Verification:
    """Verify the log and what MLflow shows; a store that cannot be read is a finding."""
    try:
        store = read_store_at(workspace.mlflow_uri(), federation, ())
    except EvidenceError as error:
        alone = check_own_log(log)
        unread = unverifiable("store.unreadable", "MLflow", str(error))
        return alone.model_copy(update={"findings": (*alone.findings, unread)})
    return check_own_log(log, store)
