"""The coordinator's signing key: made on first use, readable by its user alone."""

import base64
import os
from pathlib import Path

from fedclinic.errors import SignatureError
from fedclinic.evidence.keys import SigningKey
from flows.settings import Workspace


def load_coordinator_key(workspace: Workspace) -> SigningKey:
    return load_key(workspace.signing_key)


def load_key(path: Path) -> SigningKey:
    """Read a key from its file, or make it.

    Raises:
        SignatureError: if the file holds no key; another one is never made in its place.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(SigningKey.generate().to_pem())
    try:
        return SigningKey.from_pem(path.read_bytes())
    except SignatureError as error:
        raise SignatureError(f"{path}: {error}: put it back from your backup") from None


def public_text(key: SigningKey) -> str:
    """The public key as site.yaml names it: base64 of the raw 32 bytes."""
    return base64.b64encode(key.public.raw).decode()
