"""Have hospitals cosign the federation's log, so that its operator alone cannot rewrite it."""

import secrets
import time
from dataclasses import dataclass

from fedclinic.errors import FedclinicError
from fedclinic.evidence.checkpoint import add_signature
from fedclinic.evidence.cosigning import COSIGN_KIND, COSIGNED_KIND, Cosigned, CosignTask
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.statement import open_record, sign
from flows.federation_log import FederationLog
from flows.sites import Sites

SECONDS = 120
"""Time that a hospital has; one that does not answer is left out."""


@dataclass(frozen=True)
class Asking:
    """One checkpoint on its way to the hospitals."""

    sites: Sites
    log: FederationLog
    run: str
    key: SigningKey
    checkpoint: str


def cosign_log(
    sites: Sites, log: FederationLog, run: str, key: SigningKey, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Ask each site to cosign the log as it is now; returns those that did.

    A site that refuses has seen another history: that it is missing from the checkpoint is what
    the auditor sees.
    """
    checkpoint = log.checkpoint()
    before, head = log.cosigned()
    known = log.witnesses(before) if before else ()
    asking = Asking(sites, log, run, key, checkpoint)
    cosigned = []
    for site in names:
        old_size = head.size if head and site in known else 0
        signature = _ask(asking, site, old_size)
        if signature is not None:
            checkpoint = add_signature(checkpoint, site, sites.key(site), bytes.fromhex(signature))
            cosigned.append(site)
    if cosigned:
        log.keep_checkpoint(checkpoint)
    return tuple(cosigned)


def _ask(asking: Asking, site: str, old_size: int) -> str | None:
    """Ask once, and once more if the site remembers another size than was thought."""
    try:
        answer = _submit(asking, site, old_size)
        if answer.signature is None and 0 < answer.seen != old_size:
            answer = _submit(asking, site, answer.seen)
        return answer.signature
    except (FedclinicError, IndexError):
        return None


def _submit(asking: Asking, site: str, old_size: int) -> Cosigned:
    proof = asking.log.prove_growth(old_size) if old_size else []
    task = CosignTask(
        run=asking.run,
        site=site,
        nonce=secrets.token_hex(16),
        deadline=time.time() + SECONDS,
        checkpoint=asking.checkpoint,
        old_size=old_size,
        proof=tuple(node.hex() for node in proof),
    )
    answer = asking.sites.submit(site, sign(task, COSIGN_KIND, asking.key))
    key = asking.sites.key(site)
    return open_record(answer.last, {key.key_id: key}, COSIGNED_KIND, Cosigned)
