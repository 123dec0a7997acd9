"""How strictly trainers and models are audited (`policies/auditing.yaml`)."""

from pydantic import PositiveInt

from fedclinic.privacy.audit_verdict import Thresholds
from fedclinic.privacy.memorisation import MemorisationLimits
from fedclinic.records import Record


class AuditingPolicy(Record):
    """What an audit uses and where it draws the line; nothing here has a default."""

    audit_head: bool
    """Train the canaries' coordinates beside the model; false is told in every report."""
    canaries: PositiveInt
    """Canary coordinates in a run's audit head."""
    thresholds: Thresholds
    memorisation: MemorisationLimits
