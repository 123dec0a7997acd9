"""What a hospital remembers of the logs that it cosigned, so that no second history is sealed."""

import hashlib
from collections.abc import Mapping

from fedclinic.evidence.checkpoint import TreeHead, read_head
from fedclinic.evidence.cosigning import Cosigned, CosignTask, cosign
from fedclinic.evidence.keys import KeyId, SigningKey, VerifyKey
from site_agent.durable_file import replace_durably
from site_agent.site_home import SiteHome


def cosign_once(
    task: CosignTask, home: SiteHome, coordinators: Mapping[KeyId, VerifyKey], key: SigningKey
) -> Cosigned:
    """Cosign a checkpoint of a log that only grew; what was seen is durable before it leaves.

    Raises:
        SignatureError: if no coordinator of the site signed the checkpoint.
        EvidenceError: if the log did not only grow.
    """
    origin = read_head(task.checkpoint).origin
    path = home.witnessed / hashlib.sha256(origin.encode()).hexdigest()
    old = TreeHead.from_note(path.read_text(encoding="utf-8")) if path.is_file() else None
    answer, head = cosign(task, coordinators=tuple(coordinators.values()), old=old, key=key)
    if head is not None and head != old:
        replace_durably(path, head.to_note().encode())
    return answer
