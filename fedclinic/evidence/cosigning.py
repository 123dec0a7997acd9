"""What coordinator and hospital say to each other about a checkpoint of the federation's log.

The coordinator asks for a cosignature and proves that the log only grew since the site's last one.
A site that remembers another size says which, signs nothing, and is asked again.
"""

from typing import Annotated

from pydantic import Field, StringConstraints

from fedclinic.errors import SignatureError
from fedclinic.evidence.checkpoint import TreeHead, open_checkpoint
from fedclinic.evidence.events import COORDINATOR
from fedclinic.evidence.keys import SigningKey, VerifyKey
from fedclinic.evidence.witness import check_growth
from fedclinic.records import Count, Name, Record
from fedclinic.rounds import Instant, Nonce

COSIGN_KIND = "cosign-task"
COSIGNED_KIND = "checkpoint-cosigned"

Node = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
SignatureText = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


class CosignTask(Record):
    """Cosign a checkpoint of a log that begins with what the site saw before."""

    run: Name
    site: Name
    nonce: Nonce
    deadline: Instant
    checkpoint: Annotated[str, Field(max_length=20_000)]
    old_size: Count
    """Entries of the log that the site saw last, as the coordinator believes; 0: none."""
    proof: tuple[Node, ...]
    """Nodes that show the first `old_size` entries to be a prefix."""


class Cosigned(Record):
    """A site's signature over a checkpoint's text; None if it remembers another size."""

    run: Name
    site: Name
    nonce: Nonce
    seen: Count
    """Entries of the log that the site has seen, this checkpoint included if it signed it."""
    signature: SignatureText | None


def cosign(
    task: CosignTask, *, coordinators: tuple[VerifyKey, ...], old: TreeHead | None, key: SigningKey
) -> tuple[Cosigned, TreeHead | None]:
    """Sign a checkpoint of a log that only grew; returns the answer and the head to keep.

    Args:
        coordinators: keys of whom the site takes tasks.
        old: the last head that this site cosigned of this log.

    Raises:
        SignatureError: if no coordinator of the site signed the checkpoint.
        EvidenceError: if the log did not only grow.
    """
    head = _open(task.checkpoint, coordinators)
    seen = old.size if old else 0
    answer = {"run": task.run, "site": task.site, "nonce": task.nonce}
    if seen and seen != task.old_size and head.size >= seen:
        return Cosigned(**answer, seen=seen, signature=None), None
    check_growth(old, head, [bytes.fromhex(node) for node in task.proof])
    signature = key.sign(head.to_note().encode()).hex()
    return Cosigned(**answer, seen=head.size, signature=signature), head


def _open(checkpoint: str, coordinators: tuple[VerifyKey, ...]) -> TreeHead:
    """Read a checkpoint that one of the coordinators signed."""
    named = [{COORDINATOR: key} for key in coordinators]
    for last, keys in enumerate(named, start=1):
        try:
            return open_checkpoint(checkpoint, keys, signers=1)
        except SignatureError:
            if last == len(named):
                raise
    raise SignatureError("checkpoint: the site trusts no coordinator")
