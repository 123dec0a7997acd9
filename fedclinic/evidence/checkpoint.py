"""Signed notes over a log's size and root, cosigned by hospitals: what everyone agrees the log was.

Without a witness a lone operator could rewrite the whole log; with one, a second history shows.

Source: C2SP signed-note and tlog-checkpoint, Ed25519 signatures (type 0x01).
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from fedclinic.errors import SignatureError
from fedclinic.evidence.keys import SigningKey, VerifyKey

_ED25519 = b"\x01"
_DASH = "\N{EM DASH}"


@dataclass(frozen=True)
class TreeHead:
    """The state of a log: everything its checkpoint says."""

    origin: str
    """The log's name; two logs never share one."""
    size: int
    root: bytes

    def to_note(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def from_note(cls, text: str) -> Self:
        """Read the text that was signed.

        Raises:
            SignatureError: if it is not exactly what `to_note` writes.
        """
        try:
            origin, size, root = text.removesuffix("\n").split("\n")
            head = cls(origin, int(size), base64.b64decode(root, validate=True))
        except (ValueError, binascii.Error):
            raise SignatureError("checkpoint: not a tree head") from None
        if head.to_note() != text or head.size < 0 or len(head.root) != 32 or not origin:
            raise SignatureError("checkpoint: not a tree head")
        return head


def sign_checkpoint(head: TreeHead, name: str, key: SigningKey) -> str:
    """Write a checkpoint with one signature; `name` is the signer's."""
    return head.to_note() + "\n" + _signature_line(head.to_note(), name, key)


def add_signature(checkpoint: str, name: str, key: VerifyKey, signature: bytes) -> str:
    """Add the line of a signature that a witness made elsewhere.

    Raises:
        SignatureError: if it is not the witness's signature over this checkpoint.
    """
    text, _ = _split(checkpoint)
    if not key.accepts(signature, text.encode()):
        raise SignatureError(f"checkpoint: the signature of {name} is not good")
    return checkpoint + _line(name, _key_hash(name, key) + signature)


def cosign_checkpoint(checkpoint: str, name: str, key: SigningKey) -> str:
    """Add a witness's signature. The witness checks consistency with what it saw before, first."""
    text, _ = _split(checkpoint)
    return checkpoint + _signature_line(text, name, key)


def open_checkpoint(checkpoint: str, keys: Mapping[str, VerifyKey], *, signers: int) -> TreeHead:
    """Read a checkpoint that at least `signers` of the named keys signed.

    Raises:
        SignatureError: if fewer did, or it is malformed.
    """
    found = checkpoint_signers(checkpoint, keys)
    if len(found) < signers:
        raise SignatureError(f"checkpoint: {len(found)} of {signers} trusted signatures are good")
    return TreeHead.from_note(_split(checkpoint)[0])


def read_head(checkpoint: str) -> TreeHead:
    """What a checkpoint says, whoever signed it.

    Raises:
        SignatureError: if it is malformed.
    """
    return TreeHead.from_note(_split(checkpoint)[0])


def checkpoint_signers(checkpoint: str, keys: Mapping[str, VerifyKey]) -> frozenset[str]:
    """The names whose signature on a checkpoint is good.

    Raises:
        SignatureError: if it is malformed.
    """
    text, lines = _split(checkpoint)
    found = set()
    for line in lines:
        name, signature = _parse_line(line)
        key = keys.get(name)
        if key is None or signature[:4] != _key_hash(name, key):
            continue
        if key.accepts(signature[4:], text.encode()):
            found.add(name)
    return frozenset(found)


def _split(checkpoint: str) -> tuple[str, list[str]]:
    text, blank, signatures = checkpoint.partition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise SignatureError("checkpoint: no signatures")
    return text + "\n", signatures.removesuffix("\n").split("\n")


def _parse_line(line: str) -> tuple[str, bytes]:
    try:
        dash, name, signature = line.split(" ")
        content = base64.b64decode(signature, validate=True)
    except (ValueError, binascii.Error):
        raise SignatureError("checkpoint: a signature line is malformed") from None
    if dash != _DASH or not name:
        raise SignatureError("checkpoint: a signature line is malformed")
    return name, content


def _signature_line(text: str, name: str, key: SigningKey) -> str:
    return _line(name, _key_hash(name, key.public) + key.sign(text.encode()))


def _line(name: str, content: bytes) -> str:
    return f"{_DASH} {name} {base64.b64encode(content).decode()}\n"


def _key_hash(name: str, key: VerifyKey) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + key.raw).digest()[:4]
