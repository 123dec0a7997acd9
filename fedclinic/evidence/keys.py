"""Ed25519 keys of sites, coordinators and witnesses, as values; an edge stores them."""

import hashlib
from dataclasses import dataclass, field
from typing import Annotated, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import StringConstraints

from fedclinic.errors import SignatureError

KeyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""The first 128 bits of the SHA-256 of the raw public key, hexadecimal."""


@dataclass(frozen=True)
class VerifyKey:
    """A public key."""

    raw: bytes
    """The 32 bytes of RFC 8032."""

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Read a PEM public key.

        Raises:
            SignatureError: if it is not an Ed25519 public key.
        """
        try:
            key = load_pem_public_key(pem)
        except ValueError:
            raise SignatureError("key: not a PEM public key") from None
        if not isinstance(key, Ed25519PublicKey):
            raise SignatureError("key: not an Ed25519 public key")
        return cls(key.public_bytes_raw())

    def to_pem(self) -> bytes:
        key = Ed25519PublicKey.from_public_bytes(self.raw)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def key_id(self) -> KeyId:
        return hashlib.sha256(self.raw).hexdigest()[:32]

    def accepts(self, signature: bytes, message: bytes) -> bool:
        """Say whether this key signed the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key; never shown, never leaves the machine that made it."""

    raw: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """Make a new key from the operating system's entropy."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Read an unencrypted PEM private key.

        Raises:
            SignatureError: if it is not an Ed25519 private key, or is encrypted.
        """
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            raise SignatureError("key: not an unencrypted PEM private key") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise SignatureError("key: not an Ed25519 private key")
        return cls(key.private_bytes_raw())

    def to_pem(self) -> bytes:
        return self._key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def public(self) -> VerifyKey:
        return VerifyKey(self._key().public_key().public_bytes_raw())

    @property
    def key_id(self) -> KeyId:
        return self.public.key_id

    def sign(self, message: bytes) -> bytes:
        return self._key().sign(message)

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.raw)
