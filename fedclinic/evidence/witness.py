"""What a hospital does before it cosigns a checkpoint: make sure that the log only grew.

A witness keeps the last tree head it cosigned. If it is asked to cosign a log that does not begin
with that one, the operator shows different people different logs, or rewrote what was there.
"""

from collections.abc import Sequence

from fedclinic.errors import EvidenceError
from fedclinic.evidence.checkpoint import TreeHead, cosign_checkpoint, open_checkpoint
from fedclinic.evidence.events import COORDINATOR
from fedclinic.evidence.keys import SigningKey, VerifyKey
from fedclinic.evidence.merkle import verify_consistency


def check_growth(old: TreeHead | None, new: TreeHead, proof: Sequence[bytes]) -> None:
    """Refuse a tree head that is not the old one with entries added.

    Args:
        old: the last head that this witness cosigned; None if it never did.

    Raises:
        EvidenceError: says how the log differs; keep both checkpoints, they are the evidence.
    """
    if old is None or old.size == 0:
        return
    if new.origin != old.origin:
        raise EvidenceError(
            f"checkpoint of log {new.origin!r}, this witness follows {old.origin!r}"
        )
    if new.size < old.size:
        raise EvidenceError(f"the log shrank from {old.size} to {new.size} entries")
    grew = verify_consistency(
        proof, old_size=old.size, old_root=old.root, size=new.size, root=new.root
    )
    if not grew:
        raise EvidenceError(f"the first {old.size} entries of the log are not those seen before")


def witness_checkpoint(
    checkpoint: str,
    *,
    coordinator: VerifyKey,
    old: TreeHead | None,
    proof: Sequence[bytes],
    name: str,
    key: SigningKey,
) -> tuple[str, TreeHead]:
    """Cosign a checkpoint of a log that only grew; returns it with the head to keep.

    Raises:
        SignatureError: if the coordinator did not sign it.
        EvidenceError: if the log did not only grow.
    """
    head = open_checkpoint(checkpoint, {COORDINATOR: coordinator}, signers=1)
    check_growth(old, head, proof)
    return cosign_checkpoint(checkpoint, name, key), head
