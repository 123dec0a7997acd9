"""What a site's agent and the exchange say to each other: numbers, digests, words of closed lists,
and signed envelopes. There is no field for free text in either direction."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
)
from pydantic import model_validator as check_model
from pydantic.config import JsonDict

from fedclinic.errors import ErrorCode
from fedclinic.evidence.statement import Envelope
from fedclinic.records import Count, Digest, Name, PublicKey, Record

PROTOCOL = 1
"""Version of these messages; an agent of another is told so."""

MAX_MESSAGE_BYTES = 1 << 20
MAX_ENVELOPE_CHARACTERS = 256 * 1024
MAX_STATEMENTS = 64
MAX_BLOBS = 16
MAX_WAIT_SECONDS = 25.0
LONGEST_STEP_BYTES = 64 * 2**20
"""A request carries at most this much of an upload."""

Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Hex64 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Stage = Literal["de-identify", "encode", "train", "evaluate"]


def _check_size(envelope: Envelope) -> Envelope:
    if len(envelope.payload) > MAX_ENVELOPE_CHARACTERS or len(envelope.signatures) > 4:
        raise ValueError("the envelope is too large")
    return envelope


_SMALL: JsonDict = {
    "payload": {"maxLength": MAX_ENVELOPE_CHARACTERS},
    "signatures": {"maxItems": 4},
}
SmallEnvelope = Annotated[
    Envelope, AfterValidator(_check_size), Field(json_schema_extra={"properties": _SMALL})
]


def _check_number(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("a text or a truth value is no number")
    return value


IsNumber = BeforeValidator(_check_number)
"""Takes what JSON calls a number, and nothing that could be read as one."""


class Trouble(StrEnum):
    """Why the exchange did not do what it was asked."""

    REQUEST = "request"
    """The request is not one of this interface."""
    SIGNATURE = "signature"
    CLOCK = "clock"
    REPLAY = "replay"
    UNKNOWN_SITE = "unknown-site"
    REVOKED = "revoked"
    TOKEN = "token"  # noqa: S105 - a word, no secret
    SECOND_AGENT = "second-agent"
    VERSION = "version"
    RATE = "rate"
    QUOTA = "quota"
    TOO_LARGE = "too-large"
    DIGEST = "digest"
    OFFSET = "offset"
    NO_LEASE = "no-lease"
    LATE = "late"
    """The task's deadline has passed or it was cancelled: its result is not used."""
    NOT_FOUND = "not-found"
    STORAGE = "storage"
    BUSY = "busy"


class Problem(Record):
    problem: Trouble
    now: PositiveFloat
    """The exchange's clock."""
    received: Count | None = None
    """With `offset`: where the upload goes on."""


class Hello(Record):
    """What anybody may know of an exchange."""

    protocols: tuple[PositiveInt, ...]
    now: PositiveFloat


class Join(Record):
    """A site's first call: the token's secret, and the key that it will sign with."""

    site: Name
    secret: Hex64
    public_key: PublicKey
    proof: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{86}==$")]
    """Signature of `join_message` by that key."""


class Joined(Record):
    site: Name
    coordinator: PublicKey
    """Signs every task; the agent compares it with the one in its token."""


class Lease(Record):
    """An agent asks for work, and waits for it."""

    session: Hex32
    """Drawn when the agent's process starts: a site has one at a time."""
    protocol: Annotated[PositiveInt, IsNumber]
    version: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.+-]{1,40}$")]
    wait_seconds: Annotated[float, Field(ge=0, le=MAX_WAIT_SECONDS), IsNumber]


class BlobRef(Record):
    digest: Digest
    bytes: Count


class Leased(Record):
    """A task that this agent holds as long as it says that it is alive."""

    task: Hex32
    lease: Hex32
    lease_seconds: PositiveFloat
    deadline: PositiveFloat
    envelope: SmallEnvelope
    blobs: Annotated[tuple[BlobRef, ...], Field(max_length=MAX_BLOBS)]
    """What the task names and the agent may fetch."""


class Heartbeat(Record):
    lease: Hex32
    stage: Stage | None = None
    done: Annotated[Count, IsNumber] = 0
    total: Annotated[Count, IsNumber] = 0


class Alive(Record):
    lease_seconds: PositiveFloat


class Received(Record):
    received: Count
    complete: bool


_ENDS: JsonDict = {
    "oneOf": [
        {
            "required": ["statements"],
            "properties": {"statements": {"minItems": 1}, "error": {"type": "null"}},
        },
        {
            "required": ["error"],
            "properties": {"statements": {"maxItems": 0}, "error": {"not": {"type": "null"}}},
        },
    ]
}
"""What `Done` checks of itself, as JSON Schema says it."""


class Done(Record):
    """A task's end: the site's statements, or one word if it has no answer."""

    model_config = ConfigDict(json_schema_extra=_ENDS)

    lease: Hex32
    statements: Annotated[tuple[SmallEnvelope, ...], Field(max_length=MAX_STATEMENTS)] = ()
    blobs: Annotated[tuple[Digest, ...], Field(max_length=MAX_BLOBS)] = ()
    """Uploads that the statements name."""
    error: ErrorCode | None = None

    @check_model(mode="after")
    def _says_one_thing(self) -> Self:
        if bool(self.statements) == (self.error is not None):
            raise ValueError("a task ends with statements or with an error")
        return self


class Accepted(Record):
    accepted: Literal[True] = True


class Leave(Record):
    """An agent stops in good order: another may start at once."""

    session: Hex32


class Rotate(Record):
    """A site goes on with a new key; the request is signed by the old one."""

    public_key: PublicKey
    proof: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{86}==$")]
    """Signature of `rotate_message` by the new key."""


def join_message(site: str, secret: str) -> bytes:
    return f"fedclinic-join-v1\n{site}\n{secret}".encode()


def rotate_message(site: str, old_key_id: str) -> bytes:
    return f"fedclinic-rotate-v1\n{site}\n{old_key_id}".encode()
