"""Signed statements: in-toto Statement v1 in a DSSE envelope, with Ed25519 keys.

What is signed names its kind, so a signature on one kind is never good for another. The signed
bytes are canonical JSON; anything else is refused even with a good signature, so two readers
cannot read one statement differently.

Source: DSSE protocol v1.0.2; in-toto Attestation Framework, Statement v1.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Never, TypeVar

from pydantic import Field, StringConstraints, ValidationError

from fedclinic.digest import canonical_json, digest_bytes
from fedclinic.errors import SignatureError
from fedclinic.evidence.keys import KeyId, SigningKey, VerifyKey
from fedclinic.records import Digest, Record

PAYLOAD_TYPE: Literal["application/vnd.in-toto+json"] = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:fedclinic:v1:"

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
SomeRecord = TypeVar("SomeRecord", bound=Record)
Base64 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]*={0,2}$")]


class Signature(Record):
    """One key's signature, in DSSE's words."""

    keyid: KeyId
    sig: Base64


class Envelope(Record):
    """A DSSE envelope, in DSSE's words."""

    payloadType: Literal["application/vnd.in-toto+json"]  # noqa: N815
    payload: Base64
    signatures: Annotated[tuple[Signature, ...], Field(min_length=1)]


def sign(
    payload: Record | Mapping[str, Any],
    kind: str,
    key: SigningKey,
    *,
    subjects: Mapping[str, Digest] | None = None,
) -> Envelope:
    """Sign a record as a statement of this kind.

    Args:
        subjects: what the statement is about, by name; None: the record itself.
    """
    predicate = payload.model_dump(mode="json") if isinstance(payload, Record) else dict(payload)
    about = subjects or {kind: digest_bytes(canonical_json(predicate))}
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}
            for name, digest in sorted(about.items())
        ],
        "predicateType": PREDICATE_TYPE + kind,
        "predicate": predicate,
    }
    content = canonical_json(statement)
    return Envelope(
        payloadType=PAYLOAD_TYPE,
        payload=base64.b64encode(content).decode(),
        signatures=(_signature(content, key),),
    )


def countersign(envelope: Envelope, key: SigningKey) -> Envelope:
    """Add one more signature to a statement."""
    signature = _signature(statement_content(envelope), key)
    return envelope.model_copy(update={"signatures": (*envelope.signatures, signature)})


def open_envelope(
    envelope: Envelope, keys: Mapping[KeyId, VerifyKey], kind: str, *, signers: int = 1
) -> dict[str, Any]:
    """Return the record of a statement that enough of the trusted keys signed.

    Raises:
        SignatureError: if fewer than `signers` of `keys` signed it, it is of another kind, or it
            is not a canonical statement.
    """
    content = statement_content(envelope)
    found = signed_by(envelope, keys)
    if len(found) < signers:
        raise SignatureError(f"{kind}: {len(found)} of {signers} trusted signatures are good")
    statement = parse_statement(content)
    if statement["predicateType"] != PREDICATE_TYPE + kind:
        raise SignatureError(f"{kind}: the signed statement is of another kind")
    predicate: dict[str, Any] = statement["predicate"]
    return predicate


def open_record(
    envelope: Envelope, keys: Mapping[KeyId, VerifyKey], kind: str, record: type[SomeRecord]
) -> SomeRecord:
    """Open an envelope that one of the trusted keys signed and read its record.

    Raises:
        SignatureError: as `open_envelope`, and if the record does not have its fields.
    """
    predicate = open_envelope(envelope, keys, kind)
    try:
        return record.model_validate(predicate)
    except ValidationError as error:
        raise SignatureError(
            f"{kind}: {error.error_count()} fields are not those of a {record.__name__}; is who "
            "signed it of another version of fedclinic?"
        ) from None


def signed_by(envelope: Envelope, keys: Mapping[KeyId, VerifyKey]) -> frozenset[KeyId]:
    """The trusted keys whose signature on this envelope is good."""
    message = _authenticated(statement_content(envelope))
    good = set()
    for signature in envelope.signatures:
        key = keys.get(signature.keyid)
        if key is not None and key.accepts(_decode_base64(signature.sig), message):
            good.add(signature.keyid)
    return frozenset(good)


def statement_kind(envelope: Envelope) -> str:
    """The kind that an envelope claims; no signature is checked.

    Raises:
        SignatureError: if the payload is not a statement of ours.
    """
    kind: str = parse_statement(statement_content(envelope))["predicateType"]
    if not kind.startswith(PREDICATE_TYPE):
        raise SignatureError("statement: its kind is not ours")
    return kind.removeprefix(PREDICATE_TYPE)


def parse_statement(content: bytes) -> dict[str, Any]:
    """Read the statement inside an envelope; no signature is checked.

    Raises:
        SignatureError: if it is not the canonical JSON of an in-toto statement.
    """
    try:
        statement = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise SignatureError("statement: not JSON") from None
    if not isinstance(statement, dict) or statement.get("_type") != STATEMENT_TYPE:
        raise SignatureError("statement: not an in-toto statement")
    if statement.keys() != {"_type", "subject", "predicateType", "predicate"}:
        raise SignatureError("statement: does not have the four fields")
    if not isinstance(statement["predicateType"], str):
        raise SignatureError("statement: its kind is not a text")
    if not isinstance(statement["predicate"], dict):
        raise SignatureError("statement: its predicate is not an object")
    if canonical_json(statement) != content:  # also refuses a key that is there twice
        raise SignatureError("statement: not canonical JSON")
    return statement


def statement_content(envelope: Envelope) -> bytes:
    """The bytes that an envelope carries.

    Raises:
        SignatureError: if they are not canonical base64.
    """
    return _decode_base64(envelope.payload)


def digests_in(envelope: Envelope) -> list[Digest]:
    """Every digest that a statement's record holds, in order and once; no signature is checked.

    Raises:
        SignatureError: if it is not a statement.
    """
    found: dict[Digest, None] = {}

    def look(value: Any) -> None:
        if isinstance(value, str) and _DIGEST.fullmatch(value):
            found[value] = None
        elif isinstance(value, dict | list):
            for item in value.values() if isinstance(value, dict) else value:
                look(item)

    look(parse_statement(statement_content(envelope))["predicate"])
    return list(found)


def _signature(content: bytes, key: SigningKey) -> Signature:
    return Signature(
        keyid=key.key_id, sig=base64.b64encode(key.sign(_authenticated(content))).decode()
    )


def _authenticated(content: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(content), content)


def _decode_base64(text: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise SignatureError("envelope: not base64") from None
    if base64.b64encode(content).decode() != text:
        raise SignatureError("envelope: base64 with loose bits")
    return content


def _refuse_constant(constant: str) -> Never:
    raise SignatureError(f"statement: {constant} is not JSON")
