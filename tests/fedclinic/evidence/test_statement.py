"""Signed statements: only the right key, the right kind and the exact bytes open one."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fedclinic.errors import SignatureError
from fedclinic.evidence.keys import SigningKey, VerifyKey
from fedclinic.evidence.statement import (
    Envelope,
    countersign,
    open_envelope,
    open_record,
    sign,
    statement_kind,
)
from fedclinic.rounds import LedgerHead

KEY, OTHER = SigningKey.generate(), SigningKey.generate()
KEYS = {KEY.key_id: KEY.public}
HEAD = LedgerHead(sequence=3, hash="ab" * 32)


def with_payload(envelope: Envelope, content: bytes, key: SigningKey | None = None) -> Envelope:
    """Exchange what an envelope carries, and sign it again if a key is given."""
    kind = b"application/vnd.in-toto+json"
    payload = base64.b64encode(content).decode()
    changed = envelope.model_copy(update={"payload": payload})
    if key is None:
        return changed
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(content), content)
    signature = envelope.signatures[0].model_copy(
        update={"sig": base64.b64encode(key.sign(message)).decode()}
    )
    return changed.model_copy(update={"signatures": (signature,)})


def statement_of(envelope: Envelope) -> dict:
    return json.loads(base64.b64decode(envelope.payload))


def test_a_record_comes_back_as_it_was_signed():
    assert open_record(sign(HEAD, "ledger_head", KEY), KEYS, "ledger_head", LedgerHead) == HEAD


def test_an_envelope_survives_json():
    envelope = sign(HEAD, "ledger_head", KEY)
    read = Envelope.model_validate_json(envelope.model_dump_json())
    assert open_envelope(read, KEYS, "ledger_head") == HEAD.model_dump()


def test_the_statement_is_in_toto_with_the_records_digest_as_subject():
    statement = statement_of(sign(HEAD, "ledger_head", KEY))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [subject["name"] for subject in statement["subject"]] == ["ledger_head"]


def test_another_key_is_not_trusted():
    with pytest.raises(SignatureError, match="0 of 1"):
        open_envelope(sign(HEAD, "ledger_head", OTHER), KEYS, "ledger_head")


def test_another_keys_signature_under_the_trusted_name_is_refused():
    envelope = with_payload(
        sign(HEAD, "ledger_head", KEY),
        base64.b64decode(sign(HEAD, "ledger_head", KEY).payload),
        OTHER,
    )
    with pytest.raises(SignatureError, match="0 of 1"):
        open_envelope(envelope, KEYS, "ledger_head")


def test_a_changed_payload_is_refused():
    envelope = sign(HEAD, "ledger_head", KEY)
    content = base64.b64decode(envelope.payload).replace(b'"sequence":3', b'"sequence":4')
    with pytest.raises(SignatureError, match="0 of 1"):
        open_envelope(with_payload(envelope, content), KEYS, "ledger_head")


def test_a_statement_of_another_kind_is_refused():
    with pytest.raises(SignatureError, match="another kind"):
        open_envelope(sign(HEAD, "ledger_head", KEY), KEYS, "site_report")


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda content: content + b" ",
        lambda content: content.replace(b'"sequence":3', b'"sequence":3,"sequence":3'),
        lambda content: content.replace(b'"sequence":3', b'"sequence":NaN'),
        lambda content: content.replace(b"in-toto.io/Statement/v1", b"in-toto.io/Statement/v0"),
        lambda content: content[:-1] + b',"more":1}',
        lambda content: b"[1]",
        lambda content: b"\xff",
    ],
    ids=["space", "twice", "nan", "version", "field", "array", "bytes"],
)
def test_bytes_that_two_readers_could_read_differently_are_refused_though_signed(rewrite):
    envelope = sign(HEAD, "ledger_head", KEY)
    content = rewrite(base64.b64decode(envelope.payload))
    with pytest.raises(SignatureError):
        open_envelope(with_payload(envelope, content, KEY), KEYS, "ledger_head")


def test_a_record_with_other_fields_is_refused():
    envelope = sign({"sequence": 3}, "ledger_head", KEY)
    with pytest.raises(SignatureError, match="not those of a LedgerHead"):
        open_record(envelope, KEYS, "ledger_head", LedgerHead)


def test_one_key_that_signs_twice_counts_once():
    envelope = countersign(sign(HEAD, "ledger_head", KEY), KEY)
    with pytest.raises(SignatureError, match="1 of 2"):
        open_envelope(envelope, KEYS, "ledger_head", signers=2)


def test_two_keys_make_two_signers():
    envelope = countersign(sign(HEAD, "ledger_head", KEY), OTHER)
    keys = KEYS | {OTHER.key_id: OTHER.public}
    assert open_envelope(envelope, keys, "ledger_head", signers=2)["sequence"] == 3


def test_the_kind_can_be_read_before_any_key_is_known():
    assert statement_kind(sign(HEAD, "ledger_head", KEY)) == "ledger_head"


def test_keys_survive_pem():
    assert SigningKey.from_pem(KEY.to_pem()) == KEY
    assert VerifyKey.from_pem(KEY.public.to_pem()) == KEY.public


def test_a_private_key_is_never_shown():
    assert KEY.raw.hex() not in repr(KEY)
    assert repr(KEY) == "SigningKey()"


@pytest.mark.parametrize("read", [SigningKey.from_pem, VerifyKey.from_pem])
def test_what_is_not_an_ed25519_key_is_refused(read):
    rsa = generate_private_key(public_exponent=65537, key_size=2048)
    pem = rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (pem, b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(SignatureError, match="key: not"):
            read(content)
