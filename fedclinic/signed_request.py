"""What a site signs of every request to the exchange, so that TLS need not be believed alone.

A reverse proxy may end TLS; it cannot change, repeat or redirect a request.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, StringConstraints, ValidationError

from fedclinic.errors import SignatureError
from fedclinic.evidence.keys import SigningKey, VerifyKey
from fedclinic.records import Digest, Name, Record
from fedclinic.rounds import Nonce

CONTEXT = b"fedclinic-request-v1"
CLOCK_WINDOW_SECONDS = 300.0
"""How far a site's clock may be off; a nonce is remembered for twice as long."""

SIGNATURE_HEADER = "fedclinic-signature"
_HEADERS = {
    "site": "fedclinic-site",
    "at": "fedclinic-time",
    "nonce": "fedclinic-nonce",
    "digest": "fedclinic-digest",
    "signature": SIGNATURE_HEADER,
}


class SignedRequest(Record):
    """The parts of a request that are signed, and the signature."""

    method: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3,7}$")]
    target: Annotated[str, StringConstraints(pattern=r"^/[!-~]{0,400}$")]
    """Path and query, as sent."""
    site: Name
    at: Annotated[float, Field(gt=0)]
    """Seconds since the epoch by the site's clock."""
    nonce: Nonce
    digest: Digest
    """Of the body, empty or not; with a piece of an upload, of the blob up to the piece's end."""
    signature: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{86}==$")]

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str]) -> Self:
        """Read a received request's headers (lower-case names).

        Raises:
            SignatureError: if one is missing or malformed.
        """
        try:
            values = {field: headers[name] for field, name in _HEADERS.items()}
            return cls.model_validate({"method": method, "target": target, **values})
        except (KeyError, ValidationError):
            raise SignatureError("the request's headers are not those of a signed one") from None

    def is_signed_by(self, key: VerifyKey) -> bool:
        try:
            signature = base64.b64decode(self.signature, validate=True)
        except binascii.Error:
            return False
        return key.accepts(signature, self._message())

    def headers(self) -> dict[str, str]:
        return {name: str(getattr(self, field)) for field, name in _HEADERS.items()}

    def _message(self) -> bytes:
        parts = (self.method, self.target, self.site, repr(self.at), self.nonce, self.digest)
        return CONTEXT + b"\n" + "\n".join(parts).encode()


def sign_request(
    *, method: str, target: str, site: str, at: float, digest: Digest, key: SigningKey
) -> SignedRequest:
    """Sign a request with a fresh nonce."""
    unsigned = SignedRequest(
        method=method,
        target=target,
        site=site,
        at=at,
        nonce=secrets.token_hex(16),
        digest=digest,
        signature="A" * 86 + "==",
    )
    signature = base64.b64encode(key.sign(unsigned._message())).decode()
    return unsigned.model_copy(update={"signature": signature})
