"""How the exchange is started as a server of its own, and what its visitors are told of it."""

import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from fedclinic.errors import ConfigError
from flows.exchange.address import PublicAddress, write_address
from flows.exchange.certificates import (
    ServerIdentity,
    authority_digest,
    given_identity,
    own_identity,
)
from flows.exchange.settings import Limits, exchange_settings
from flows.services import Server
from flows.settings import Workspace


@dataclass(frozen=True)
class ExchangePlace:
    """Where the exchange listens, and under which address sites reach it."""

    host: str
    port: int
    url: str
    plain: bool
    """A reverse proxy ends TLS."""


def exchange_server(
    workspace: Workspace,
    place: ExchangePlace,
    files: tuple[Path | None, Path | None, Path | None],
    limits: str,
) -> tuple[Server, PublicAddress]:
    """Make or check the certificates, write the address down, and give the server to start.

    Args:
        workspace: the coordinator's.
        place: where it listens.
        files: certificate, key and authority of one's own, PEM; or none.
        limits: JSON of what differs from the usual limits.

    Raises:
        ConfigError: if the address or a file is wrong.
    """
    name = urlsplit(place.url).hostname
    if name is None or urlsplit(place.url).scheme not in ("https", "http"):
        raise ConfigError(f"--url {place.url}: expected https://NAME[:PORT]")
    settings = exchange_settings(workspace, _limits(limits))
    identity = _identity(settings.root / "tls", name, files, plain=place.plain)
    address = PublicAddress(
        url=place.url.rstrip("/"),
        authority=None
        if identity is None or identity.authority is None
        else authority_digest(identity.authority),
    )
    write_address(settings.root, address)
    command = [sys.executable, "-m", "flows.exchange", "--workspace", str(workspace.root)]
    command += ["--host", place.host, "--port", str(place.port), "--limits", limits]
    if identity is not None:
        command += ["--certificate", str(identity.certificate), "--key", str(identity.key)]
        if identity.authority is not None:
            pinned = settings.root / "tls" / "pinned.pem"
            pinned.parent.mkdir(mode=0o700, exist_ok=True)
            pinned.write_text(identity.authority, encoding="utf-8")
            command += ["--authority", str(pinned)]
    return Server("exchange", (place.host, place.port), command, {}), address


def _identity(
    folder: Path, name: str, files: tuple[Path | None, Path | None, Path | None], *, plain: bool
) -> ServerIdentity | None:
    certificate, key, authority = files
    if certificate is not None and key is not None:
        return given_identity(certificate, key, authority)
    if plain:
        return None
    names = tuple(dict.fromkeys((name, "localhost", "127.0.0.1")))
    return own_identity(folder, names)


def _limits(text: str) -> Limits:
    try:
        return Limits.model_validate_json(text)
    except ValidationError as error:
        raise ConfigError(f"--limits: {error.error_count()} values are wrong") from None
