"""When a policy counts as changed: what is in force differs from what was stated last."""

from fedclinic.evidence.events import PolicyChanged
from fedclinic.records import Digest, PolicyName


def policy_change(
    last: PolicyChanged | None, *, actor: str, document: PolicyName, digest: Digest, at: float
) -> PolicyChanged | None:
    """What an actor states of a document that is in force; None if it was stated last."""
    if last is not None and last.after == digest:
        return None
    return PolicyChanged(
        at=at,
        actor=actor,
        document=document,
        number=last.number + 1 if last else 1,
        before=last.after if last else None,
        after=digest,
    )
