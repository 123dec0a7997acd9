"""Join a federation in one call."""

import base64
import hashlib
import os
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import yaml

from fedclinic.errors import ConfigError, RunError
from fedclinic.evidence.keys import SigningKey
from fedclinic.exchange_protocol import (
    Join,
    Joined,
    Problem,
    Trouble,
    join_message,
)
from fedclinic.invitation import Invitation, read_token
from site_agent.exchange_client import (
    ExchangeAddress,
    in_words,
    open_connection,
)
from site_agent.keys import load_signing_key
from site_agent.settings import load_site_config
from site_agent.site_home import SiteHome

Say = Callable[[str], None]


def join_exchange(token: str, config: Path, home: SiteHome, say: Say) -> None:
    """Make the site's key, give its public half to the exchange, and write what was agreed.

    Raises:
        ConfigError: if the token, the clock or an existing file is not right.
        RunError: if the exchange cannot be reached or refuses the token.
    """
    invitation = read_token(token, now=time.time())
    if home.exchange.exists():
        raise ConfigError(f"{home.root} has joined already; use another --home for another site")
    _check_config(config, invitation)
    authority = _pinned_authority(invitation)
    key = load_signing_key(home)
    joined = _call_join(invitation, authority, key)
    if joined.coordinator != invitation.coordinator or joined.site != invitation.site:
        raise RunError("the exchange names another coordinator than the token: do not go on")
    address = ExchangeAddress(
        url=invitation.url,
        site=invitation.site,
        coordinator=invitation.coordinator,
        authority=authority,
    )
    _write_new(home.exchange, address.model_dump_json(indent=1))
    say(f"site {invitation.site} has joined {invitation.url}")
    say(f"its key     {key.public.raw.hex()}  (tell the auditor, not only the coordinator)")
    if not config.exists():
        _write_new(config, _default_config(invitation))
        say(f"wrote {config}: say there where the notes are, then")
    say(f"  fedclinic-site check --config {config} --home {home.root}")
    say(f"  fedclinic-site run   --config {config} --home {home.root}")


def load_address(home: SiteHome) -> ExchangeAddress:
    """What `join` wrote.

    Raises:
        ConfigError: if the site has not joined, or the file is damaged.
    """
    try:
        return ExchangeAddress.model_validate_json(home.exchange.read_bytes())
    except FileNotFoundError:
        raise ConfigError(
            f"{home.root} has not joined a federation: fedclinic-site join TOKEN"
        ) from None
    except ValueError:
        raise ConfigError(f"{home.exchange} is damaged: restore it from the backup") from None


def _check_config(config: Path, invitation: Invitation) -> None:
    """An existing site.yaml stays as it is, if it is of this site and trusts this coordinator."""
    if not config.exists():
        return
    found = load_site_config(config, {})
    if found.site != invitation.site:
        raise ConfigError(f"{config} is of site {found.site}; the token is for {invitation.site}")
    if _key_text(invitation) not in found.permissions.coordinators:
        raise ConfigError(
            f"{config} does not trust this coordinator: add {_key_text(invitation)} to "
            "permissions.coordinators"
        )


def _pinned_authority(invitation: Invitation) -> str | None:
    """Fetch the certificate authority that the token names by its digest; nothing else is said."""
    if invitation.authority is None:
        return None
    with open_connection(None, verify=False) as http:
        try:
            pem = http.get(f"{invitation.url}/v1/authority").text
        except httpx.TransportError as error:
            raise RunError(f"{invitation.url} cannot be reached: {in_words(error)}") from None
    try:
        found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    except ValueError:
        found = ""
    if found != invitation.authority:
        raise RunError(
            f"{invitation.url} shows another certificate authority than the token names: is a "
            "proxy in between, or is it another server?"
        )
    return pem


def _call_join(invitation: Invitation, authority: str | None, key: SigningKey) -> Joined:
    proof = key.sign(join_message(invitation.site, invitation.secret))
    asked = Join(
        site=invitation.site,
        secret=invitation.secret,
        public_key=key.public.raw.hex(),
        proof=base64.b64encode(proof).decode(),
    )
    with open_connection(authority) as http:
        try:
            response = http.post(
                f"{invitation.url}/v1/join",
                content=asked.model_dump_json(),
                headers={"content-type": "application/json"},
            )
        except httpx.TransportError as error:
            raise RunError(f"{invitation.url} cannot be reached: {in_words(error)}") from None
    try:
        if response.status_code == 200:
            return Joined.model_validate_json(response.content)
        problem = Problem.model_validate_json(response.content)
    except ValueError:
        raise RunError(
            f"{invitation.url} answers like no exchange (HTTP {response.status_code}): is a proxy "
            "in between?"
        ) from None
    if problem.problem is Trouble.TOKEN:
        raise RunError("the token was used before, or has expired: ask for a new one")
    raise RunError(f"the exchange refuses to let the site join: {problem.problem.value}")


def _default_config(invitation: Invitation) -> str:
    """A site.yaml that allows little: what a person did not decide is not allowed."""
    values = {
        "site": invitation.site,
        "notes": {"path": "notes.jsonl", "format": "jsonl", "fields": {"label": "label"}},
        "deidentification": {"mode": "safe_harbor", "profile": "default"},
        "permissions": {
            "coordinators": [_key_text(invitation)],
            "models": {"minilm": "embedded"},
            "max_trained_blocks": 2,
            "unprotected": False,
        },
        "min_patients": 100,
    }
    return yaml.safe_dump(values, sort_keys=False)


def _key_text(invitation: Invitation) -> str:
    return base64.b64encode(bytes.fromhex(invitation.coordinator)).decode()


def _write_new(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
