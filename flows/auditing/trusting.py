"""Make an auditor's trust file: keys by name, and the checkpoint that was seen last."""

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path

from fedclinic.errors import ConfigError, SignatureError
from fedclinic.evidence.bundle import Trust, read_bundle
from fedclinic.evidence.checkpoint import read_head
from fedclinic.evidence.keys import VerifyKey
from flows.auditing.bundles import open_log
from flows.settings import Workspace


@dataclass(frozen=True)
class Given:
    """What an auditor brings."""

    bundle: Path | None
    coordinator: str | None
    sites: tuple[str, ...]
    witnesses: int | None
    seen: Path | None


def trust_from_keys(given: Given) -> Trust:
    """Put keys together that the auditor got from those whose keys they are.

    Raises:
        ConfigError: if something is missing or no key.
    """
    if given.bundle is None or given.coordinator is None:
        raise ConfigError("audit trust needs --bundle and --coordinator, or --from-log")
    sites: dict[str, str] = {}
    earlier: dict[str, tuple[str, ...]] = {}
    for text in given.sites:
        name, separator, key = text.partition("=")
        if not separator:
            raise ConfigError(f"--site {text}: expected NAME=KEY")
        if name in sites:
            earlier[name] = (*earlier.get(name, ()), sites[name])
        sites[name] = read_key(key)
    required = given.witnesses if given.witnesses is not None else min(1, len(sites))
    if required > len(sites):
        raise ConfigError(f"--witnesses {required}: there are keys of {len(sites)} sites")
    return Trust(
        origin=read_bundle(_read(given.bundle)).origin,
        coordinator=read_key(given.coordinator),
        sites=sites,
        witnesses=sites,
        required_witnesses=required,
        earlier=earlier,
        seen=_seen(given.seen),
    )


def trust_from_log(workspace: Workspace, federation: str, witnesses: int | None) -> Trust:
    """Take the keys that the coordinator's own log names."""
    log = open_log(workspace, federation)
    checkpoint, _ = log.cosigned()
    cosigned = len(log.witnesses(checkpoint)) if checkpoint else 0
    return log.own_trust(witnesses=min(1, cosigned) if witnesses is None else witnesses)


def read_key(text: str) -> str:
    """A public key as 64 hexadecimal digits, from one of the forms in which it is handed over.

    Raises:
        ConfigError: if it is none of them.
    """
    path = Path(text)
    content = path.read_text(encoding="utf-8").strip() if path.is_file() else text.strip()
    try:
        if content.startswith("-----BEGIN"):
            return VerifyKey.from_pem(content.encode()).raw.hex()
        if len(content) == 64:
            return bytes.fromhex(content).hex()
        raw = base64.b64decode(content, validate=True)
    except (SignatureError, ValueError, binascii.Error):
        raw = b""
    if len(raw) != 32:
        raise ConfigError(f"'{text[:80]}' is neither a public key nor a file with one")
    return raw.hex()


def _seen(path: Path | None) -> str | None:
    if path is None:
        return None
    text = _read(path).decode(errors="replace")
    try:
        read_head(text)
    except SignatureError:
        raise ConfigError(f"{path} is not a checkpoint") from None
    return text


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
