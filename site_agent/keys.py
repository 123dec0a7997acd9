"""The site's own keys: made on first use, readable by the agent's user alone, never sent."""

import base64
import binascii
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from fedclinic.errors import ConfigError, SignatureError
from fedclinic.evidence.keys import KeyId, SigningKey, VerifyKey
from site_agent.site_home import SiteHome

SECRET_BYTES = 32


def load_signing_key(home: SiteHome) -> SigningKey:
    """Read the site's Ed25519 key, or make it on first use.

    Raises:
        ConfigError: if the file is not such a key.
    """
    return load_key(home.signing_key)


def load_key(path: Path) -> SigningKey:
    """Read an Ed25519 key, or make it on first use.

    Raises:
        ConfigError: if the file is not such a key.
    """
    if not path.exists():
        _write_secret(path, SigningKey.generate().to_pem())
    try:
        return SigningKey.from_pem(path.read_bytes())
    except SignatureError:
        raise _damaged(path) from None


def load_secret(path: Path) -> bytes:
    """Read a 32-byte secret, or make it on first use.

    Raises:
        ConfigError: if the file is not a secret of that length.
    """
    if not path.exists():
        _write_secret(path, os.urandom(SECRET_BYTES))
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise _damaged(path)
    return secret


def coordinator_keys(texts: Iterable[str]) -> dict[KeyId, VerifyKey]:
    """Read the public keys that site.yaml trusts.

    Raises:
        ConfigError: if one is not the base64 of 32 bytes.
    """
    keys = {}
    for text in texts:
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != 32:
            raise ConfigError(
                "permissions.coordinators: a key is not base64 of 32 bytes; "
                "the coordinator prints it with fedclinic key show"
            )
        key = VerifyKey(raw)
        keys[key.key_id] = key
    return keys


def _write_secret(path: Path, content: bytes) -> None:
    """Write with mode 0600 and link it into place: whole or not there, and the first one stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        path.hardlink_to(temporary)
    temporary.unlink()


def _damaged(path: Path) -> ConfigError:
    return ConfigError(f"{path} is damaged: restore it from the site's backup")
