"""The token with which a hospital joins: one line to copy, good once and for some days."""

import base64
import binascii
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from fedclinic.errors import ConfigError
from fedclinic.exchange_protocol import Hex64
from fedclinic.records import Name, PublicKey, Record

PREFIX = "fedclinic1."


class Invitation(Record):
    """Where to join and as whom, and the keys that the site will believe from then on."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://[!-~]{1,200}$")]
    site: Name
    secret: Hex64
    coordinator: PublicKey
    authority: Hex64 | None
    """SHA-256 of the certificate authority's certificate (DER); None: those of the system."""
    expires: Annotated[float, Field(gt=0)]


def write_token(invitation: Invitation) -> str:
    content = invitation.model_dump_json().encode()
    return PREFIX + base64.urlsafe_b64encode(content).decode().rstrip("=")


def read_token(token: str, *, now: float) -> Invitation:
    """Read a token that a person pasted.

    Raises:
        ConfigError: if it is not whole, or its time is over.
    """
    text = "".join(token.split())
    body = text.removeprefix(PREFIX)
    try:
        if body == text:
            raise ValueError
        content = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        invitation = Invitation.model_validate_json(content)
    except (ValueError, binascii.Error, ValidationError):
        raise ConfigError(
            "the token is not whole: copy all of it, from 'fedclinic1.' to its end"
        ) from None
    if invitation.expires < now:
        raise ConfigError(
            f"the token for site {invitation.site} has expired, or this machine's clock is wrong: "
            "ask the coordinator for a new one"
        )
    return invitation
