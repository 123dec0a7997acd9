"""What an auditor gets (the bundle) and brings (the trust); see docs/evidence-format.md.

A bundle is a whole log with its checkpoint and the MLflow snapshots whose digests the log holds.
Nothing in it is believed: keys come from the trust, which the auditor got from the hospitals.
"""

import json
from typing import Literal

from pydantic import ValidationError

from fedclinic.errors import EvidenceError
from fedclinic.evidence.keys import VerifyKey
from fedclinic.evidence.snapshot import RunSnapshot
from fedclinic.evidence.statement import Envelope
from fedclinic.records import Count, Name, PublicKey, Record

FORMAT: Literal["fedclinic-bundle/1"] = "fedclinic-bundle/1"


class Bundle(Record):
    """Everything that is needed to verify a federation's evidence, offline."""

    format: Literal["fedclinic-bundle/1"]
    origin: str
    """The log's name."""
    checkpoint: str
    """The newest checkpoint, a signed note over all entries."""
    entries: tuple[Envelope, ...]
    snapshots: tuple[RunSnapshot, ...]


class Trust(Record):
    """What an auditor knows from elsewhere than the bundle."""

    origin: str
    coordinator: PublicKey
    sites: dict[Name, PublicKey]
    """Keys that hospitals gave the auditor; a site that is not here is only vouched for."""
    witnesses: dict[Name, PublicKey]
    """Keys of those who cosign checkpoints."""
    required_witnesses: Count
    earlier: dict[Name, tuple[PublicKey, ...]] = {}
    """Keys that a hospital had before it was revoked and joined again, as it gave them too."""
    seen: str | None = None
    """The last checkpoint that the auditor kept; a log must still begin with it."""

    def given(self, site: str) -> frozenset[PublicKey]:
        """Every key that a hospital gave the auditor."""
        present = {self.sites[site]} if site in self.sites else set()
        return frozenset(present | set(self.earlier.get(site, ())))


def verify_key(public_key: PublicKey) -> VerifyKey:
    return VerifyKey(bytes.fromhex(public_key))


def read_bundle(content: bytes) -> Bundle:
    """Read a bundle.

    Raises:
        EvidenceError: if it is not one of this format; says whether it is of another version.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise EvidenceError("bundle: not JSON") from None
    written = document.get("format") if isinstance(document, dict) else None
    if written != FORMAT:
        raise EvidenceError(f"bundle: its format is {str(written)[:40]!r}, this reads {FORMAT!r}")
    try:
        return Bundle.model_validate_json(content)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise EvidenceError(f"bundle: {where} is not as the format says") from None
